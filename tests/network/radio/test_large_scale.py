"""Large-scale parameters of the children of a station: distance, line of sight, path loss and shadowing."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from netsim.network.radio.large_scale import LargeScale, check_placement_range, draw_large_scale
from netsim.network.radio.path_loss import FixedGain, LogDistance, Macro, RuralMacro, UrbanMicro
from netsim.network.radio.placement import Annulus, Disc, Distances, Grid, Ppp
from netsim.network.radio.shadowing import LognormalShadowing, NoShadowing, StandardShadowing
from netsim.topology import Fanout, Node
from netsim.topology.tree import NodeSpec, grow


def draw(
    parent: Node,
    placement: Any = None,
    pathloss: Any = None,
    shadowing: Any = None,
    seed: int = 1,
) -> list[LargeScale]:
    parts = (placement or Annulus(), pathloss or UrbanMicro(), shadowing or NoShadowing())
    return draw_large_scale(parent, parent.children, *parts, 3.5e9, seed)


def test_coordinates_take_precedence_over_the_edges_distance_and_that_over_the_placement() -> None:
    children = [
        NodeSpec(x_m=160.0, y_m=-120.0, edge={"distance_m": 30.0}),
        NodeSpec(edge={"distance_m": 30.0}),
        NodeSpec(),
    ]
    root = grow(NodeSpec(x_m=100.0, y_m=-200.0, children=children), "test").root
    stated = draw(root, Distances((1.0, 1.0, 200.0)))
    assert [place.distance_m for place in stated] == [100.0, 30.0, 200.0]


def test_without_shadowing_the_loss_is_the_path_loss() -> None:
    for place in draw(Fanout([50]).grow().root):
        assert place.loss_db == UrbanMicro().loss_db(place.distance_m, 3.5e9, place.los)


def test_shadowing_is_added_to_the_path_loss_and_does_not_change_positions() -> None:
    root = Fanout([50]).grow().root
    plain, shadowed = draw(root), draw(root, shadowing=StandardShadowing())
    extra = [two.loss_db - one.loss_db for one, two in zip(plain, shadowed, strict=True)]
    assert [(p.distance_m, p.los) for p in plain] == [(p.distance_m, p.los) for p in shadowed]
    assert min(extra) < -1
    assert max(extra) > 1


def test_shadowing_is_a_loss_with_the_sign_of_the_draw() -> None:
    root, law = Fanout([50]).grow().root, LognormalShadowing(8.0)
    plain, shadowed = draw(root), draw(root, shadowing=law)
    extra = [two.loss_db - one.loss_db for one, two in zip(plain, shadowed, strict=True)]
    los = [place.los for place in plain]
    drawn = law.draw_db(UrbanMicro(), los, np.zeros((50, 2)), 3.5e9, 1, 0, range(50))
    assert extra == pytest.approx(drawn.tolist(), abs=1e-9)


def test_oracle_line_of_sight_has_the_probability_of_the_distance() -> None:
    """20 000 devices at 60 m; standard error 0.0035."""
    drawn = [p.los for p in draw(Fanout([20_000]).grow().root, Annulus((60.0, 60.0)))]
    chance = UrbanMicro().los_probability(60.0)
    error = math.sqrt(chance * (1 - chance) / 20_000)
    assert abs(np.mean(drawn) - chance) < 4 * error
    assert error < 0.004


@pytest.mark.parametrize(("sight", "seen"), [("los", {True}), ("nlos", {False}), ("random", {True, False})])
def test_a_path_loss_can_fix_the_line_of_sight(sight: Any, seen: set[bool]) -> None:
    assert {p.los for p in draw(Fanout([200]).grow().root, pathloss=UrbanMicro(sight))} == seen


@pytest.mark.parametrize("shadowing", [NoShadowing(), StandardShadowing()])
def test_a_deeper_tree_over_the_same_devices_keeps_their_positions(shadowing: Any) -> None:
    def all_places(fanout: list[int], seed: int) -> list[LargeScale]:
        stations = Fanout(fanout).grow().levels[1]
        return [place for station in stations for place in draw(station, shadowing=shadowing, seed=seed)]

    assert all_places([6], 1) == all_places([2, 3], 1) == all_places([1, 3, 2], 1)
    assert {p.distance_m for p in all_places([6], 1)}.isdisjoint(p.distance_m for p in all_places([6], 2))


def test_a_given_distance_is_exact_at_the_limit_of_the_range() -> None:
    stated = [NodeSpec(edge={"distance_m": 10.0}) for _ in range(50)]
    root = grow(NodeSpec(children=stated), "test").root
    assert {place.distance_m for place in draw(root)} == {10.0}
    listed = draw(Fanout([50]).grow().root, Distances((10.0,) * 50))
    assert {place.distance_m for place in listed} == {10.0}


def test_a_child_outside_the_range_of_the_path_loss_is_named() -> None:
    root = grow(NodeSpec(children=[NodeSpec(), NodeSpec("phone", edge={"distance_m": 3.0})]), "test").root
    message = "'phone' is 3 m from 'cloud', but urban_micro covers 10 m to 5000 m, got 3 m; move it"
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(root)


def test_a_negative_total_loss_is_rejected() -> None:
    message = "would receive more power than 'cloud' transmits: path loss and shadowing sum to -"
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(Fanout([50]).grow().root, pathloss=FixedGain(-1.0), shadowing=LognormalShadowing(8.0))


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
def test_placements_within_the_range_of_the_path_loss_are_accepted(
    placement: Any, pathloss: Any, hz: float
) -> None:
    check_placement_range(placement, pathloss, hz)


@pytest.mark.parametrize(
    ("placement", "pathloss", "hz", "message"),
    [
        (Annulus((1.0, 10.0)), UrbanMicro(), 3.5e9, "reaches from 1 m to 10 m: urban_micro covers 10 m to"),
        (Disc(10e3), RuralMacro(), 2e9, "rural_macro NLOS covers 10 m to 5000 m, got 10000 m"),
        (Disc(11e3), RuralMacro("los"), 2e9, "rural_macro LOS covers 10 m to 10000 m, got 11000 m"),
        (Ppp(8000.0), UrbanMicro(), 3.5e9, "got 5656.85 m; set placement or pathloss"),
        (Disc(), Macro(), 2e9, "macro covers 35 m to 5000 m, got 10 m"),
        (Annulus(), UrbanMicro(), 0.1e9, "urban_micro covers 0.5 to 100 GHz, got 0.1 GHz"),
    ],
)
def test_placements_outside_the_range_of_the_path_loss_are_rejected(
    placement: Any, pathloss: Any, hz: float, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        check_placement_range(placement, pathloss, hz)
