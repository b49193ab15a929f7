"""Placements: their spatial distributions, the keys of their draws, and their distance ranges."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.network.radio.placement import PLACEMENTS, Annulus, Disc, Distances, Grid, Placement, Ppp

MANY = 40_000
LOOSE = 1.95 / math.sqrt(MANY)
"""Kolmogorov's bound: exceeded by uniform samples with probability 0.001."""
DRAWN: list[Placement] = [Annulus(), Annulus(uniform="distance"), Disc(), Ppp()]


def away_m(part: Placement, count: int = MANY, seed: int = 3) -> NDArray[np.float64]:
    return np.hypot(*part.positions_m(seed, 0, range(count)).T)


def gap(shares: NDArray[np.float64]) -> float:
    """Kolmogorov's distance from the uniform distribution on [0, 1]."""
    return float(np.abs(np.sort(shares) - (np.arange(shares.size) + 0.5) / shares.size).max())


@pytest.mark.parametrize("part", [Annulus((10.0, 250.0)), Disc(250.0, 10.0)])
def test_oracle_annulus_and_disc_are_uniform_in_area(part: Placement) -> None:
    drawn = away_m(part)
    assert (drawn.min() >= 10 - 1e-9, drawn.max() <= 250 + 1e-9) == (True, True)
    assert gap((drawn**2 - 10**2) / (250**2 - 10**2)) < LOOSE


def test_oracle_uniform_in_distance_differs_from_uniform_in_area() -> None:
    drawn = (away_m(Annulus((2.0, 50.0), "distance")) - 2) / 48
    assert gap(drawn) < LOOSE
    assert gap((away_m(Annulus((2.0, 50.0))) - 2) / 48) > 0.1


@pytest.mark.parametrize("part", DRAWN[:3])
def test_directions_are_uniform(part: Placement) -> None:
    positions_m = part.positions_m(3, 0, range(MANY))
    assert gap(np.arctan2(positions_m[:, 1], positions_m[:, 0]) / (2 * math.pi) + 0.5) < LOOSE


def test_oracle_a_poisson_process_given_its_count_is_uniform_in_its_square() -> None:
    positions_m = Ppp(500.0, 1e-3).positions_m(3, 0, range(MANY))
    assert [gap(axis / 500 + 0.5) < LOOSE for axis in positions_m.T] == [True, True]
    assert abs(np.corrcoef(positions_m.T)[0, 1]) < 4 / math.sqrt(MANY)


def test_only_points_within_the_clearance_are_drawn_again() -> None:
    open_m, clear_m = (Ppp(100.0, c).positions_m(3, 0, range(2000)) for c in (1e-3, 40.0))
    inside = np.hypot(*open_m.T) < 40
    assert inside.any()
    assert np.hypot(*clear_m.T).min() >= 40
    assert clear_m[~inside].tolist() == open_m[~inside].tolist()


@pytest.mark.parametrize("part", [*DRAWN, Distances((5.0, 7.0, 9.0, 20.0, 30.0, 40.0))])
def test_a_position_is_keyed_by_seed_level_and_ordinal(part: Placement) -> None:
    together = part.positions_m(1, 0, range(6)).tolist()
    apart = [part.positions_m(1, 0, ordinals).tolist() for ordinals in (range(2), range(2, 6))]
    assert together == apart[0] + apart[1]
    for seed, level in ((2, 0), (1, 1)):
        other = part.positions_m(seed, level, range(6)).tolist()
        assert all(one != two for one, two in zip(together, other, strict=True))


def test_given_distances_follow_the_order_of_the_level() -> None:
    part = Distances((10.0, 120.0, 40.0))
    assert np.hypot(*part.positions_m(1, 0, [1, 2]).T) == pytest.approx([120.0, 40.0], rel=1e-12)
    assert part.distance_range_m == (10.0, 120.0)
    with pytest.raises(ValueError, match="got 3, but there is a child 3"):
        part.positions_m(1, 0, [2, 3])


def test_oracle_a_grid_fills_its_nearest_cells_first() -> None:
    found = Grid(20.0).positions_m(1, 0, [7, 8, 9, 10, 11]).tolist()
    assert sorted(found[:4]) == [[-10, -10], [-10, 10], [10, -10], [10, 10]]
    assert math.hypot(*found[4]) == pytest.approx(10 * math.sqrt(10), rel=1e-12)
    many = Grid(20.0).positions_m(1, 0, range(1000))
    away = np.hypot(*many.T)
    assert (np.diff(away) >= -1e-9).all()
    assert len({tuple(one) for one in many.tolist()}) == 1000
    assert away.max() == pytest.approx(20 * math.sqrt(1000 / math.pi), rel=0.03)


@pytest.mark.parametrize("part", [*DRAWN, Grid(), Distances(tuple(float(d) for d in range(10, 60)))])
def test_positions_are_within_the_distance_range(part: Placement) -> None:
    near_m, far_m = part.distance_range_m
    drawn = away_m(part, 4 if isinstance(part, Grid) else 50)
    assert near_m - 1e-9 <= drawn.min()
    assert drawn.max() <= far_m + 1e-9


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("annulus", {"radius": (250.0, 10.0)}, "radius must be [inner, outer], got [250 m, 10 m]; swap them"),
        ("annulus", {"radius": (0.0, 10.0)}, "radius must be > 0"),
        ("annulus", {"uniform": "x"}, "uniform must be area or distance, got 'x'"),
        ("disc", {"radius": 10.0}, "clearance must be < 10 m with radius 10 m, got 10 m"),
        ("ppp", {"side": 20.0}, "clearance must be < 10 m with side 20 m, got 10 m"),
        ("grid", {"spacing": 0.0}, "spacing must be > 0"),
        ("distances", {"distances": ()}, "distances must name at least one distance, got none"),
        ("distances", {"distances": (0.0,)}, "distances must be > 0"),
    ],
)
def test_invalid_placements_are_rejected(name: str, bad: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        PLACEMENTS[name](**bad)


def test_descriptions_of_placements() -> None:
    message = [part.describe() for part in (*DRAWN, Grid(), Distances((10.0, 40.0)))]
    assert message == [
        "10 m to 250 m",
        "10 m to 250 m, uniform in distance",
        "disc of 250 m",
        "square of 500 m",
        "grid of 25 m",
        "stated distances, 10 m to 40 m",
    ]
