"""Places of a station's children: where they are, who is in sight, and what their links lose."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from netsim.network.radio.large_scale import Place, check_covered, places
from netsim.network.radio.path_loss import FixedGain, LogDistance, Macro, RuralMacro, UrbanMicro
from netsim.network.radio.placement import Annulus, Disc, Distances, Grid, Ppp
from netsim.network.radio.shadowing import LognormalShadowing, NoShadowing, Standard
from netsim.topology import Fanout, Node
from netsim.topology.tree import Branch, grow


def found(
    parent: Node,
    placement: Any = None,
    pathloss: Any = None,
    shadowing: Any = None,
    seed: int = 1,
) -> list[Place]:
    parts = (placement or Annulus(), pathloss or UrbanMicro(), shadowing or NoShadowing())
    return places(parent, parent.children, *parts, 3.5e9, seed)


def test_coordinates_go_before_the_edges_distance_and_that_before_the_placement() -> None:
    children = [
        Branch(x_m=160.0, y_m=-120.0, edge={"distance_m": 30.0}),
        Branch(edge={"distance_m": 30.0}),
        Branch(),
    ]
    root = grow(Branch(x_m=100.0, y_m=-200.0, children=children), "test").root
    stated = found(root, Distances((1.0, 1.0, 200.0)))
    assert [place.distance_m for place in stated] == [100.0, 30.0, 200.0]


def test_a_place_without_shadowing_loses_its_path_loss() -> None:
    for place in found(Fanout([50]).grow().root):
        assert place.loss_db == UrbanMicro().loss_db(place.distance_m, 3.5e9, place.sees)


def test_shadowing_is_added_to_the_path_loss_and_moves_nobody() -> None:
    root = Fanout([50]).grow().root
    plain, shadowed = found(root), found(root, shadowing=Standard())
    extra = [two.loss_db - one.loss_db for one, two in zip(plain, shadowed, strict=True)]
    assert [(p.distance_m, p.sees) for p in plain] == [(p.distance_m, p.sees) for p in shadowed]
    assert min(extra) < -1
    assert max(extra) > 1


def test_a_shadow_is_a_loss_and_has_the_draw_s_sign() -> None:
    root, law = Fanout([50]).grow().root, LognormalShadowing(8.0)
    plain, shadowed = found(root), found(root, shadowing=law)
    extra = [two.loss_db - one.loss_db for one, two in zip(plain, shadowed, strict=True)]
    sees = [place.sees for place in plain]
    drawn = law.db(UrbanMicro(), sees, np.zeros((50, 2)), 3.5e9, 1, 0, range(50))
    assert extra == pytest.approx(drawn.tolist(), abs=1e-9)


def test_oracle_sight_is_drawn_with_its_distances_probability() -> None:
    """20 000 devices at 60 m; standard error 0.0035."""
    drawn = [p.sees for p in found(Fanout([20_000]).grow().root, Annulus((60.0, 60.0)))]
    chance = UrbanMicro().los_probability(60.0)
    error = math.sqrt(chance * (1 - chance) / 20_000)
    assert abs(np.mean(drawn) - chance) < 4 * error
    assert error < 0.004


@pytest.mark.parametrize(("sight", "seen"), [("los", {True}), ("nlos", {False}), ("random", {True, False})])
def test_a_path_loss_may_fix_sight(sight: Any, seen: set[bool]) -> None:
    assert {p.sees for p in found(Fanout([200]).grow().root, pathloss=UrbanMicro(sight))} == seen


@pytest.mark.parametrize("shadowing", [NoShadowing(), Standard()])
def test_a_deeper_tree_over_the_same_devices_keeps_their_places(shadowing: Any) -> None:
    def all_places(fanout: list[int], seed: int) -> list[Place]:
        stations = Fanout(fanout).grow().levels[1]
        return [place for station in stations for place in found(station, shadowing=shadowing, seed=seed)]

    assert all_places([6], 1) == all_places([2, 3], 1) == all_places([1, 3, 2], 1)
    assert {p.distance_m for p in all_places([6], 1)}.isdisjoint(p.distance_m for p in all_places([6], 2))


def test_a_stated_distance_stays_exact_at_the_edge_of_coverage() -> None:
    stated = [Branch(edge={"distance_m": 10.0}) for _ in range(50)]
    root = grow(Branch(children=stated), "test").root
    assert {place.distance_m for place in found(root)} == {10.0}
    listed = found(Fanout([50]).grow().root, Distances((10.0,) * 50))
    assert {place.distance_m for place in listed} == {10.0}


def test_a_child_that_the_path_loss_does_not_cover_is_named() -> None:
    root = grow(Branch(children=[Branch(), Branch("phone", edge={"distance_m": 3.0})]), "test").root
    said = "'phone' is 3 m from 'cloud', but urban_micro covers 10 m to 5000 m, got 3 m; move it"
    with pytest.raises(ValueError, match=re.escape(said)):
        found(root)


def test_shadowing_never_makes_a_link_gain_power() -> None:
    said = "would hear more than 'cloud' sends: path loss and shadowing sum to -"
    with pytest.raises(ValueError, match=re.escape(said)):
        found(Fanout([50]).grow().root, pathloss=FixedGain(-1.0), shadowing=LognormalShadowing(8.0))


@pytest.mark.parametrize(
    ("placement", "pathloss", "hz"),
    [
        (Annulus(), UrbanMicro(), 3.5e9),
        (Ppp(), UrbanMicro(), 3.5e9),
        (Disc(5000.0), RuralMacro(), 2e9),
        (Disc(10e3), RuralMacro("los"), 2e9),
        (Grid(), LogDistance(), 1e9),
        (Annulus((35.0, 500.0)), Macro(), 2e9),
    ],
)
def test_placements_within_coverage_are_accepted(placement: Any, pathloss: Any, hz: float) -> None:
    check_covered(placement, pathloss, hz)


@pytest.mark.parametrize(
    ("placement", "pathloss", "hz", "said"),
    [
        (Annulus((1.0, 10.0)), UrbanMicro(), 3.5e9, "reaches from 1 m to 10 m: urban_micro covers 10 m to"),
        (Disc(10e3), RuralMacro(), 2e9, "rural_macro out of sight covers 10 m to 5000 m, got 10000 m"),
        (Disc(11e3), RuralMacro("los"), 2e9, "rural_macro in sight covers 10 m to 10000 m, got 11000 m"),
        (Ppp(8000.0), UrbanMicro(), 3.5e9, "got 5656.85 m; set placement or pathloss"),
        (Disc(), Macro(), 2e9, "macro covers 35 m to 5000 m, got 10 m"),
        (Annulus(), UrbanMicro(), 0.1e9, "urban_micro covers 0.5 to 100 GHz, got 0.1 GHz"),
    ],
)
def test_placements_beyond_coverage_are_refused_before_a_run(
    placement: Any, pathloss: Any, hz: float, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_covered(placement, pathloss, hz)
