"""Every field of every network part changes some output.

Path losses, shadowing and placements: test_dead_large_scale.py; wires, traces and losses: test_dead_wires.py;
clocks: tests/devices/test_compute.py.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import simpy

from netsim.network import NETWORKS
from netsim.network.message_loss import Arq
from netsim.network.radio.fading import NoFading
from netsim.network.radio.path_loss import UrbanMicro
from netsim.network.radio.placement import Annulus
from netsim.network.radio.rate_maps import Shannon
from netsim.network.radio.shadowing import NoShadowing
from netsim.topology import Topology
from netsim.topology.tree import NodeSpec, grow

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
    ("cell", "pathloss"): UrbanMicro("nlos"),
    ("cell", "shadowing"): NoShadowing(),
    ("cell", "placement"): Annulus((10.0, 100.0)),
    ("cell", "fading"): NoFading(),
    ("cell", "rate_map"): Shannon(),
    ("cell", "access"): "fdma",
    ("cell", "packets"): "none",
    ("cell", "loss"): Arq(0.5),
    ("cell", "downcast"): "unicast",
    ("cell", "unserved"): "refuse",
}
START: dict[str, dict[str, Any]] = {}
BESIDE: dict[tuple[str, str], dict[str, Any]] = {  # what a field needs beside it to matter
    ("cell", "unserved"): {"device_power": -30.0},
}
REGISTRIES = {"cell": NETWORKS["cell"]}
CASES = [(name, field.name) for name, part in REGISTRIES.items() for field in fields(part)]  # type: ignore[arg-type]


def topology_of() -> Topology:
    """Two devices without coordinates; the edges have a distance for the latency of the wired case only."""
    return grow(NodeSpec(children=[NodeSpec(edge={"distance_m": 60.0}), NodeSpec()]), "test")


def output(part: Any) -> list[float]:
    """Arrival times of a downlink message and of both uploads, with their sizes."""
    env, topology = simpy.Environment(), topology_of()
    children = topology.root.children[: 1 if getattr(part, "latency", None) == "from_distance" else 2]
    ports, log = part.connect(env, topology.root, children, 3), list[float]()
    sent = ports.down.send(10_000_000)
    for event in [*sent.arrivals, *(link.send(10_000_000).arrived for link in ports.up)]:
        event.callbacks.append(lambda _: log.append(env.now))
    env.run()
    return [*log, sent.wire_bits]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_every_field_of_every_part_changes_some_output(name: str, field: str) -> None:
    start = START.get(name, {}) | BESIDE.get((name, field), {})
    before = REGISTRIES[name](**start)
    after = REGISTRIES[name](**(start | {field: OTHER[name, field]}))
    try:
        changed = output(after)
    except ValueError as error:  # a field may say what is refused
        assert field == "unserved", error  # noqa: PT017
        return
    assert output(before) != changed


def test_every_part_and_field_has_a_case() -> None:
    assert set(OTHER) == set(CASES)
