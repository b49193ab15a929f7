"""Every field of every path loss, shadowing and placement changes some distance, line of sight or loss."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from netsim.network.radio.large_scale import LargeScale, draw_large_scale
from netsim.network.radio.path_loss import PATHLOSS, UrbanMicro
from netsim.network.radio.placement import PLACEMENTS, Annulus
from netsim.network.radio.shadowing import SHADOWING, NoShadowing, StandardShadowing
from netsim.topology import Fanout

KINDS: dict[str, dict[str, type]] = {"pathloss": PATHLOSS, "shadowing": SHADOWING, "placement": PLACEMENTS}
OTHER: dict[tuple[str, str, str], Any] = {
    ("pathloss", "log_distance", "exponent"): 2.0,
    ("pathloss", "log_distance", "reference_loss"): 40.0,
    ("pathloss", "log_distance", "reference_distance"): 2.0,
    ("pathloss", "urban_micro", "sight"): "los",
    ("pathloss", "urban_micro", "device_height"): 3.0,
    ("pathloss", "urban_macro", "sight"): "los",
    ("pathloss", "urban_macro", "device_height"): 3.0,
    ("pathloss", "rural_macro", "sight"): "nlos",
    ("pathloss", "rural_macro", "device_height"): 3.0,
    ("pathloss", "rural_macro", "station_height"): 30.0,
    ("pathloss", "rural_macro", "street_width"): 10.0,
    ("pathloss", "rural_macro", "building_height"): 10.0,
    ("pathloss", "macro", "penetration_loss"): 20.0,
    ("pathloss", "fixed_gain", "gain"): -90.0,
    ("shadowing", "standard", "correlation"): "standard",
    ("shadowing", "lognormal", "sigma"): 6.0,
    ("shadowing", "lognormal", "correlation"): 50.0,
    ("placement", "annulus", "radius"): (10.0, 100.0),
    ("placement", "annulus", "uniform"): "distance",
    ("placement", "disc", "radius"): 100.0,
    ("placement", "disc", "clearance"): 50.0,
    ("placement", "grid", "spacing"): 40.0,
    ("placement", "ppp", "side"): 600.0,
    ("placement", "ppp", "clearance"): 100.0,
    ("placement", "distances", "distances"): tuple(50.0 + k for k in range(40)),
}
START: dict[str, dict[str, Any]] = {
    "fixed_gain": {"gain": -80.0},
    "lognormal": {"sigma": 8.0},
    "distances": {"distances": (60.0,) * 40},
}
CASES = [
    (kind, name, field.name)
    for kind, registry in KINDS.items()
    for name, part in registry.items()
    for field in fields(part)
]


def drawn_links(kind: str, part: Any) -> list[LargeScale]:
    """Forty devices around a station at 2 GHz."""
    parts: dict[str, Any] = {
        "placement": Annulus((100.0, 3000.0)) if kind == "pathloss" else Annulus(),
        "pathloss": UrbanMicro(),
        "shadowing": StandardShadowing() if kind == "pathloss" else NoShadowing(),
    }
    root = Fanout([40]).grow().root
    return draw_large_scale(root, root.children, **(parts | {kind: part}), frequency_hz=2e9, seed=3)


@pytest.mark.parametrize(("kind", "name", "field"), CASES)
def test_every_field_of_every_large_scale_part_changes_some_link(kind: str, name: str, field: str) -> None:
    start = START.get(name, {})
    before = KINDS[kind][name](**start)
    after = KINDS[kind][name](**(start | {field: OTHER[kind, name, field]}))
    assert drawn_links(kind, before) != drawn_links(kind, after)


def test_every_part_and_field_has_a_case() -> None:
    assert set(OTHER) == set(CASES)
