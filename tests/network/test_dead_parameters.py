"""Every field of every part of the network and of the clocks changes some output."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import simpy

from netsim.compute import COMPUTE, SPREADS, Lognormal
from netsim.network import NETWORKS, PATHLOSS
from netsim.network.pathloss import UrbanMicro
from netsim.topology import Topology
from netsim.tree import Branch, grow

OTHER: dict[tuple[str, str], Any] = {
    ("cell", "preset"): "urban_macro",
    ("cell", "uplink"): 5e6,
    ("cell", "downlink"): 5e6,
    ("cell", "carrier"): 2e9,
    ("cell", "device_power"): 10.0,
    ("cell", "station_power"): 46.0,
    ("cell", "device_gain"): 3.0,
    ("cell", "station_gain"): 14.0,
    ("cell", "device_noise_figure"): 7.0,
    ("cell", "station_noise_figure"): 7.0,
    ("cell", "interference_margin"): 3.0,
    ("cell", "pathloss"): UrbanMicro(line_of_sight=True),
    ("cell", "radius"): (10.0, 100.0),
    ("cell", "downcast"): "unicast",
    ("cell", "packets"): "none",
    ("wired", "rate"): 1e8,
    ("wired", "uplink"): 1e8,
    ("wired", "downlink"): 1e8,
    ("wired", "latency"): 0.02,
    ("wired", "speed"): 1e8,
    ("wired", "route_factor"): 2.0,
    ("wired", "shared"): False,
    ("wired", "downcast"): "unicast",
    ("wired", "packets"): "none",
    ("log_distance", "exponent"): 2.0,
    ("log_distance", "reference_loss"): 40.0,
    ("log_distance", "reference_distance"): 2.0,
    ("urban_micro", "line_of_sight"): True,
    ("urban_micro", "device_height"): 3.0,
    ("macro", "penetration_loss"): 20.0,
    ("flops", "rate"): 1e9,
    ("flops", "efficiency"): 0.3,
    ("flops", "spread"): Lognormal(0.4),
    ("constant", "step"): 0.02,
    ("constant", "spread"): Lognormal(0.4),
    ("lognormal", "sigma"): 0.8,
}
START: dict[str, dict[str, Any]] = {"constant": {"step": 0.01}, "lognormal": {"sigma": 0.4}}
BESIDE: dict[tuple[str, str], dict[str, Any]] = {  # what a field needs beside it to matter
    ("wired", "speed"): {"latency": "from_distance"},
    ("wired", "route_factor"): {"latency": "from_distance"},
}
REGISTRIES = {**NETWORKS, **PATHLOSS, **COMPUTE, **SPREADS}
CASES = [(name, field.name) for name, part in REGISTRIES.items() for field in fields(part)]  # type: ignore[arg-type]


def placed() -> Topology:
    """Two devices without coordinates, a known distance for the latency of the wired case only."""
    return grow(Branch(children=[Branch(edge={"distance_m": 60.0}), Branch()]), "test")


def spoken(part: Any) -> list[float]:
    """Arrival times of a downlink message and of both answers, and what was sent."""
    env, topology = simpy.Environment(), placed()
    children = topology.root.children[: 1 if getattr(part, "latency", None) == "from_distance" else 2]
    ports, log = part.connect(env, topology.root, children, 3), list[float]()
    sent = ports.down.send(10_000_000)
    for event in [*sent.arrivals, *(link.send(10_000_000).arrived for link in ports.up)]:
        event.callbacks.append(lambda _: log.append(env.now))
    env.run()
    return [*log, sent.wire_bits]


def output(name: str, part: Any) -> list[float]:
    if name in NETWORKS:
        return spoken(part)
    if name in PATHLOSS:
        return [part.loss_db(distance_m, 2e9) for distance_m in (50.0, 600.0)]
    if name in COMPUTE:
        return list(part.step_seconds(1e6, [0, 1, 2], 5))
    return list(part.factors(5, [0, 1, 2]))


@pytest.mark.parametrize(("name", "field"), CASES)
def test_every_field_of_every_part_changes_some_output(name: str, field: str) -> None:
    start = START.get(name, {}) | BESIDE.get((name, field), {})
    before = REGISTRIES[name](**start)
    after = REGISTRIES[name](**(start | {field: OTHER[name, field]}))
    assert output(name, before) != output(name, after)


def test_no_case_is_left_over() -> None:
    assert set(OTHER) == set(CASES)
