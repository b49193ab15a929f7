"""Every field of every fading distribution, fading model and rate map changes some airtime."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from netsim.network.radio.fading import FADING, Block, ChannelContext, Ergodic
from netsim.network.radio.fading_distributions import FADING_DISTRIBUTIONS, Rician
from netsim.network.radio.rate_maps import RATE_MAPS, Shannon

KINDS: dict[str, dict[str, type]] = {"law": FADING_DISTRIBUTIONS, "fading": FADING, "rate_map": RATE_MAPS}
OTHER: dict[tuple[str, str, str], Any] = {
    ("law", "rician", "k"): 3.0,
    ("law", "nakagami", "m"): 0.75,
    ("fading", "ergodic", "law"): Rician(),
    ("fading", "block", "law"): Rician(),
    ("fading", "block", "coherence_time"): 0.05,
    ("fading", "block", "speed"): 5.0,
    ("fading", "quasi_static", "law"): Rician(),
    ("fading", "quasi_static", "outage_rate"): 0.5,
    ("fading", "quasi_static", "min_snr"): 6.0,
    ("rate_map", "truncated_shannon", "uplink_attenuation"): 0.5,
    ("rate_map", "truncated_shannon", "downlink_attenuation"): 0.5,
    ("rate_map", "truncated_shannon", "uplink_cap"): 1.0,
    ("rate_map", "truncated_shannon", "downlink_cap"): 2.0,
    ("rate_map", "truncated_shannon", "floor"): 3.0,
    ("rate_map", "cqi_table", "margin"): 3.0,
}
START: dict[tuple[str, str], dict[str, Any]] = {
    ("block", "law"): {"coherence_time": 0.01},
    ("block", "coherence_time"): {"coherence_time": 0.01},
    ("block", "speed"): {"speed": 1.0},
    ("quasi_static", "law"): {"outage_rate": 0.01},
    ("quasi_static", "outage_rate"): {"outage_rate": 0.01},
    ("quasi_static", "min_snr"): {"min_snr": 3.0},
}
CASES = [
    (kind, name, field.name)
    for kind, registry in KINDS.items()
    for name, part in registry.items()
    for field in fields(part)
]


def airtimes_s(kind: str, part: Any) -> list[float]:
    """Airtimes of uplink and downlink at 10 dB."""
    fading = {"law": Ergodic(part) if kind == "law" else None, "fading": part}.get(kind) or Ergodic()
    rates = part if kind == "rate_map" else Shannon()
    times_s = list[float]()
    for direction in ("up", "down"):
        context = ChannelContext(1e6, 2e9, direction, 3, 0, [0])
        found = fading.channels(np.array([10.0]), rates, context)[0]
        assert found is not None
        times_s.append(found.airtime_s(1e5, 0.3))
    return times_s


@pytest.mark.parametrize(("kind", "name", "field"), CASES)
def test_every_field_of_every_fading_part_changes_some_airtime(kind: str, name: str, field: str) -> None:
    start = START.get((name, field), {})
    before = KINDS[kind][name](**start)
    after = KINDS[kind][name](**(start | {field: OTHER[kind, name, field]}))
    assert airtimes_s(kind, before) != airtimes_s(kind, after)


def test_the_effect_of_a_speed_depends_on_the_carrier() -> None:
    walking = Block(speed=1.0)
    assert walking.coherence_s(4e9) == walking.coherence_s(2e9) / 2


def test_every_part_and_field_has_a_case() -> None:
    assert set(OTHER) == set(CASES)
