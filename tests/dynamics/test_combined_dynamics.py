"""Weights, tables and energies with several simultaneous faults: regression tests."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.protocol.aggregation_weights import aggregation_weights
from netsim.simulation.run import Run

from .sample_scenarios import Data, given_times, round_ends_s, run_timing, scenario_data, uploads


def test_a_handover_during_a_round_does_not_change_the_shares_of_running_exchanges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[str, list[float]]] = []

    def noted(*args: Any) -> list[float]:
        found.append((args[3].name, aggregation_weights(*args)))
        return found[-1][1]

    monkeypatch.setattr("netsim.protocol.loop.aggregation_weights", noted)
    sizes = {"tree": {"children": [{"devices": 6}, {"devices": 1}, {"devices": 2}]}}
    failing = {"server_failure": {"nodes": ["edge2"], "when": given_times("1500 ms", None)}}
    run_timing(scenario_data(failing, topology=sizes, stop={"rounds": 1}))
    assert dict(found)["cloud"] == pytest.approx([6 / 7, 1 / 7])


def test_a_device_repaired_from_one_fault_but_down_by_an_undetected_one_does_not_answer() -> None:
    known = {"crash": {"nodes": ["device0"], "when": given_times("3 s", "2500 ms")}}
    unknown = {"crash": {"nodes": ["device0"], "when": given_times("4 s", "8 s"), "detection": "5 s"}}
    run = run_timing(scenario_data(known, unknown, stop={"rounds": 4}))
    assert round_ends_s(run) == [3, 6, 10, 13]  # the third waits for device0 until 9 s
    assert "device0" not in [name for turn in (2, 3, 4) for name, _ in uploads(run, turn)]


def metered(*faults: Data, access: str = "airtime", **more: Any) -> Run:
    """A star of four devices in a cell, with energies."""
    star: Data = {
        "algorithm": {"fedavg": {"learning_rate": 0.1, "batch_size": 4, "local_steps": 1}},
        "network": [{"cell": {"uplink": "1 kHz", "downlink": "1 kHz", "access": access}}],
        "energy": {"compute": {"active_power": "5 W"}},
    }
    return run_timing(scenario_data(*faults, fanout=(4,), **star, **more))


def joules(run: Run, node: str, part: str) -> list[float]:
    return [float(row[f"energy_{part}_j"]) for row in run.trace.nodes if row["node"] == node]


def test_a_broadcast_to_one_child_uses_the_whole_band() -> None:
    one, two = (
        metered(access="fdma", selection=[{"channel": {"count": count}}], stop={"rounds": 1})
        for count in (1, 2)
    )
    assert joules(one, "cloud", "transmit") == pytest.approx(joules(two, "cloud", "transmit"), rel=0.01)


def test_a_device_with_an_undetected_fault_receives_no_broadcast() -> None:
    down = {"crash": {"nodes": ["device0"], "when": given_times("3100 ms", "1 min"), "detection": "30 s"}}
    run = metered(down, wait=[{"first": {"count": 2}}])
    assert joules(run, "device0", "receive")[1:] == [0, 0]
    assert min(joules(run, "device1", "receive")) > 0
