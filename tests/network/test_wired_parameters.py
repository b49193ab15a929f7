"""Every field of wired, delayed and traced links, of losses and of traces changes some output."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import simpy

from netsim.network import LOSSES, NETWORKS, TRACES
from netsim.network.channel import FixedRate
from netsim.network.links import Link
from netsim.network.media import SharedMedium
from netsim.network.message_loss import Arq, LinkIdentity
from netsim.network.packets import PACKETS
from netsim.network.traces.trace_sources import Csv
from netsim.topology.tree import NodeSpec, grow

FILES = {
    "one.csv": "time_s,rate_bps\n" + "".join(f"{k},{10**6 * (k + 1)}\n" for k in range(9)),
    "two.csv": "time_s,rate_bps\n0,5e6\n1,5e6\n",
    "a.mahimahi": "1\n",
    "b.mahimahi": "1\n3\n",
    "a.irish": "Timestamp,DL_bitrate,UL_bitrate\n2020.01.01_00.00.00,5,1\n2020.01.01_00.00.01,5,1\n",
    "b.irish": "Timestamp,DL_bitrate,UL_bitrate\n2020.01.01_00.00.00,7,1\n2020.01.01_00.00.01,5,1\n",
    "a.ghent": "1 1 51 3 500 1000\n",
    "b.ghent": "1 1 51 3 600 1000\n",
}
OTHER: dict[tuple[str, str], Any] = {
    ("wired", "rate"): 1e8,
    ("wired", "uplink"): 1e8,
    ("wired", "downlink"): 1e8,
    ("wired", "latency"): "great_circle",
    ("wired", "speed"): 1e8,
    ("wired", "route_factor"): 2.0,
    ("wired", "shared"): False,
    ("wired", "downcast"): "unicast",
    ("wired", "window"): 1e5,
    ("wired", "loss"): Arq(0.2),
    ("wired", "packets"): "none",
    ("delay", "uplink"): 2.0,
    ("delay", "downlink"): 2.0,
    ("traced", "uplink"): Csv("two.csv"),
    ("traced", "downlink"): Csv("two.csv"),
    ("traced", "uplink_scale"): 2.0,
    ("traced", "downlink_scale"): 2.0,
    ("traced", "latency"): 1.0,
    ("traced", "begin"): "start",
    ("traced", "loss"): Arq(0.2),
    ("traced", "packets"): "none",
    ("arq", "error_rate"): 0.4,
    ("arq", "attempts"): 1,
    ("arq", "retry_latency"): 1.0,
    ("arq", "per"): "message",
    ("erasure", "probability"): 0.8,
    ("erasure", "per"): "packet",
    ("waterfall", "m"): 9.0,
    ("waterfall", "fading"): "none",
    ("mahimahi", "path"): "b.mahimahi",
    ("csv", "path"): "two.csv",
    ("irish_5g", "path"): "b.irish",
    ("irish_5g", "column"): "UL_bitrate",
    ("ghent_4g", "path"): "b.ghent",
}
START: dict[str, dict[str, Any]] = {
    "delay": {"uplink": 1.0},
    "traced": {"uplink": Csv("one.csv"), "downlink": Csv("one.csv")},
    "arq": {"error_rate": 0.2},
    "erasure": {"probability": 0.2},
    "mahimahi": {"path": "a.mahimahi"},
    "csv": {"path": "one.csv"},
    "irish_5g": {"path": "a.irish"},
    "ghent_4g": {"path": "a.ghent"},
}
BESIDE: dict[tuple[str, str], dict[str, Any]] = {  # what a field needs beside it to matter
    ("wired", "speed"): {"latency": "from_distance"},
    ("wired", "route_factor"): {"latency": "from_distance"},
}
WIRES = {name: part for name, part in NETWORKS.items() if name != "cell"}
REGISTRIES: dict[str, Any] = {**WIRES, **LOSSES, **TRACES}
CASES = [(name, field.name) for name, part in REGISTRIES.items() for field in fields(part)]


def link_output(part: Any) -> list[float]:
    """Arrival times of a downlink message and of the uploads of two children, with their sizes."""
    child = {"lat_deg": 50.0, "lon_deg": 10.0}
    branches = [NodeSpec(edge={"distance_m": 6e6 * k}, **child) for k in (1, 2)]  # type: ignore[arg-type]
    root, env = (
        grow(NodeSpec(children=branches, lat_deg=52.0, lon_deg=13.0), "test").root,
        simpy.Environment(),
    )
    ports, log = part.connect(env, root, root.children, 3), list[float]()
    sent = ports.down.send(10_000_000)
    for event in [*sent.arrivals, *(link.send(10_000_000).arrived for link in ports.up)]:
        event.callbacks.append(lambda _: log.append(env.now))
    env.run()
    return [*log, sent.wire_bits]


def lossy_output(part: Any) -> list[float]:
    """Sizes, arrival times and outcomes of messages on a lossy uplink."""
    env = simpy.Environment()
    identity, log = LinkIdentity(1, 0, 0, "up"), list[float]()
    link = Link(
        env, FixedRate(1e6), SharedMedium(env), 0.0, PACKETS["none"], loss=part, identity=identity, snr=5.0
    )
    for _ in range(40):
        sent = link.send(40_000)
        env.run(sent.arrived)
        log += [sent.wire_bits, env.now, sent.delivered]
    return log


def output(part: Any) -> list[float]:
    if type(part) in LOSSES.values():
        return lossy_output(part)
    if type(part) in TRACES.values():
        return [part.curve().finish_s(bits, 0.0) for bits in (3000.0, 50_000.0)]
    return link_output(part)


@pytest.mark.parametrize(("name", "field"), CASES)
def test_every_field_of_every_wired_link_loss_and_trace_changes_some_output(
    name: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    start = START.get(name, {}) | BESIDE.get((name, field), {})
    before = REGISTRIES[name](**start)
    after = REGISTRIES[name](**(start | {field: OTHER[name, field]}))
    assert output(before) != output(after)


def test_every_part_and_field_has_a_case() -> None:
    assert set(OTHER) == set(CASES)
