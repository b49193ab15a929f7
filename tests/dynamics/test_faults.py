"""Faults with times computed by hand: a round of two layers is 1 s of work, 1 s up, 1 s up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from netsim.dynamics import FAULT_TIMES, FaultInterval
from netsim.dynamics.fault_times import Given, Random
from netsim.dynamics.slowdown import DeviceSlowdown, slowed_duration_s
from netsim.scenario import Scenario
from netsim.simulation.run import execute
from netsim.topology import Node

from .sample_scenarios import (
    DEDICATED,
    DEDICATED_WIRED,
    SHARED,
    events,
    given_times,
    round_ends_s,
    run_timing,
    scenario_data,
    uploads,
)


def test_without_faults_a_round_takes_three_seconds() -> None:
    assert round_ends_s(run_timing(scenario_data())) == [3, 6, 9]


def test_the_parent_does_not_wait_for_a_crashed_device_until_it_returns() -> None:
    run = run_timing(scenario_data({"crash": {"nodes": ["device0"], "when": given_times("500 ms", "3 s")}}))
    assert round_ends_s(run) == [3, 6, 9]
    assert "device0" not in [name for name, _ in uploads(run, 1)]  # it had sent nothing
    assert "device0" not in [name for name, _ in uploads(run, 2)]  # away until 3.5 s
    assert ("device0", "delivered") in uploads(run, 3)
    assert events(run) == [(0.5, "down", "device0"), (3.5, "up", "device0")]


def test_a_crash_cancels_the_upload_and_frees_the_link() -> None:
    crash = {"crash": {"nodes": ["device0"], "when": given_times("1500 ms", "1 s")}}
    run = run_timing(scenario_data(crash, fanout=(2,), link=SHARED, stop={"rounds": 1}))
    # both send from 1 s on, at half the rate: a quarter each by 1.5 s, then device1 sends alone
    assert round_ends_s(run) == pytest.approx([2.25])
    assert uploads(run, 1) == [("device0", "cancelled"), ("device1", "delivered")]
    bits = [row["payload_bits"] for row in run.trace.messages if row["direction"] == "up"]
    assert bits == [320, 1280]


@pytest.mark.parametrize(("detection", "end_s"), [("0 s", 3.0), ("2 s", 3.5), ("9 s", 3.0)])
def test_a_parent_waits_until_it_detects_the_crash(detection: str, end_s: float) -> None:
    """With a detection after 9 s the parent detects only the repair at 2 s."""
    crash = {"nodes": ["device0"], "when": given_times("500 ms", "1500 ms" if detection == "9 s" else "30 s")}
    run = run_timing(scenario_data({"crash": crash | {"detection": detection}}, stop={"rounds": 1}))
    assert round_ends_s(run) == [end_s]


def test_a_device_with_an_undetected_crash_is_sent_the_model_and_does_not_answer() -> None:
    crash = {"crash": {"nodes": ["device0"], "when": given_times("2500 ms", "30 s"), "detection": "2 s"}}
    run = run_timing(scenario_data(crash, stop={"rounds": 2}))
    assert round_ends_s(run) == [3, 6]  # its edge learns of it at 4.5 s, before device1 has answered at 5 s
    assert [name for name, _ in uploads(run, 2)] == ["device1", "device2", "device3"]


def test_children_of_a_failed_server_work_for_another_until_it_is_repaired() -> None:
    failure = {"server_failure": {"nodes": ["edge0"], "when": given_times("3500 ms", "4 s")}}
    run = run_timing(scenario_data(failure, stop={"rounds": 4}))
    assert [e for e in events(run) if e[1] == "handover"] == [
        (3.5, "handover", "device0"), (3.5, "handover", "device1"),
        (9.0, "handover", "device0"), (9.0, "handover", "device1"),
    ]  # fmt: skip
    hearers = [
        (row["src"], row["receivers"]) for row in run.trace.messages
        if row["direction"] == "down" and row["layer"] == 1
    ]  # fmt: skip
    assert hearers == [
        ("edge0", 2),
        ("edge1", 2),
        ("edge0", 2),
        ("edge1", 2),
        ("edge1", 4),
        ("edge0", 2),
        ("edge1", 2),
    ]


def test_a_failed_server_stops_its_cell() -> None:
    failure = {"server_failure": {"nodes": ["edge0"], "when": given_times("1500 ms", None), "reattach": None}}
    run = run_timing(scenario_data(failure))
    assert uploads(run, 1) == [(f"device{k}", "cancelled" if k < 2 else "delivered") for k in range(4)]
    assert [name for name, _ in uploads(run, 3)] == ["device2", "device3"]


@pytest.mark.parametrize(("uploads_", "end_s", "fates"), [
    ("fail", 2.5, ["cancelled", "delivered"]), ("stall", 3.0, ["cancelled", "delivered", "delivered"]),
])  # fmt: skip
def test_an_upload_over_a_link_that_goes_down_fails_or_continues_later(
    uploads_: str, end_s: float, fates: list[str]
) -> None:
    """At 1.5 s half of the upload is sent; the rest continues at 2.5 s. The other device is slower: 2.5 s."""
    outage = {"nodes": ["device0"], "when": given_times("1500 ms", "1 s"), "uploads": uploads_}
    slow = {"slow_down": {"factor": 1.5, "nodes": ["device1"], "when": given_times("0 s", None)}}
    run = run_timing(
        scenario_data({"link_outage": outage}, slow, fanout=(2,), link=DEDICATED_WIRED, stop={"rounds": 1})
    )
    assert round_ends_s(run) == pytest.approx([end_s])
    assert [fate for _, fate in uploads(run, 1)] == fates
    sent = [row["payload_bits"] for row in run.trace.messages if row["src"] == "device0"]
    assert sum(map(int, sent)) == (1280 if uploads_ == "stall" else 640)


def test_a_device_continues_computing_while_its_link_is_down() -> None:
    outage = {"link_outage": {"nodes": ["device0"], "when": given_times("200 ms", "500 ms")}}
    assert round_ends_s(run_timing(scenario_data(outage))) == [3, 6, 9]


def test_the_cloud_waits_until_a_device_returns() -> None:
    run = run_timing(
        scenario_data({"crash": {"when": given_times("500 ms", "10 s")}}, fanout=(2,), stop={"rounds": 2})
    )
    assert round_ends_s(run) == [0.5, 12.5]
    assert run.trace.rounds[2]["path_wait_s"] == 10


@pytest.mark.parametrize("stop", [{"rounds": 9}, {"rounds": 9, "deadline": "50 s"}])
def test_a_run_ends_when_no_device_can_return(stop: dict[str, object]) -> None:
    run = run_timing(scenario_data({"crash": {"when": given_times("4 s", None)}}, stop=stop))
    assert run.stopped_by == "nobody left"
    assert run.env.now == 5  # the servers answer what they had


def test_an_edge_without_devices_does_not_take_part() -> None:
    run = run_timing(
        scenario_data({"crash": {"nodes": ["device0", "device1"], "when": given_times("500 ms", None)}})
    )
    receivers = [
        row["receivers"] for row in run.trace.messages if row["layer"] == 2 and row["direction"] == "down"
    ]
    assert receivers == [2, 1, 1]


def test_a_server_that_joins_later_takes_part_from_then_on() -> None:
    run = run_timing(scenario_data({"presence": {"nodes": ["edge1"], "joins": "4 s"}}))
    receivers = [
        row["receivers"] for row in run.trace.messages if row["layer"] == 2 and row["direction"] == "down"
    ]
    assert receivers == [1, 1, 2]


def test_a_returning_device_receives_the_full_model() -> None:
    crash = {"crash": {"nodes": ["device0"], "when": given_times("500 ms", "4 s")}}
    layers = [{"tau": 1, "up": "none", "rule": "mean", "down": {"qsgd": {"levels": 4}}}]
    layers += [{"tau": 2, "up": "none", "rule": "mean"}]
    algorithm = {"leaf": {"learning_rate": 0.1, "batch_size": 4}, "layers": layers}
    run = run_timing(scenario_data(crash, algorithm=algorithm))
    own = [row for row in run.trace.messages if row["src"] == "edge0" and row["direction"] == "down"]
    assert [(row["receivers"], row["payload_bits"] == 1280) for row in own][:5] == [
        (2, True), (1, False), (2, True), (2, False), (2, True),
    ]  # fmt: skip


def test_a_crash_loses_the_received_model() -> None:
    """The device returns before the next broadcast of its edge server at 2 s: it needs the full model."""
    crash = {"crash": {"nodes": ["device0"], "when": given_times("500 ms", "1 s")}}
    layers = [{"tau": 1, "up": "none", "rule": "mean", "down": {"qsgd": {"levels": 4}}}]
    layers += [{"tau": 2, "up": "none", "rule": "mean"}]
    algorithm = {"leaf": {"learning_rate": 0.1, "batch_size": 4}, "layers": layers}
    run = run_timing(scenario_data(crash, algorithm=algorithm, stop={"rounds": 1}))
    own = [row for row in run.trace.messages if row["src"] == "edge0" and row["direction"] == "down"]
    assert [(row["receivers"], row["payload_bits"] == 1280) for row in own] == [
        (2, True), (1, False), (1, True),
    ]  # fmt: skip


def test_late_children_of_a_server_that_fails_while_idle_stop_too() -> None:
    """edge0 has aggregated the first answer at 2 s and is idle from 3 s on; device1 would send at 4 s."""
    failure = {"server_failure": {"nodes": ["edge0"], "when": given_times("3500 ms", None), "reattach": None}}
    slow = {
        "slow_down": {
            "factor": 4,
            "nodes": ["device1", "device2", "device3"],
            "when": given_times("0 s", None),
        }
    }
    run = run_timing(scenario_data(failure, slow, wait=[{"buffer": {"size": 1}}, "all"], stop={"rounds": 1}))
    assert [name for name, _ in uploads(run, 1)] == ["device0", "device2", "device3"]


def test_a_child_with_a_new_parent_sends_the_memory_they_share() -> None:
    failure = {"server_failure": {"nodes": ["edge0"], "when": given_times("3500 ms", None)}}
    layers = [{"tau": 1, "rule": "mean", "up": {"ef21": {"top_k": {"fraction": 0.1}}}}]
    layers += [{"tau": 1, "up": "none", "rule": "mean"}]
    algorithm = {"leaf": {"learning_rate": 0.1, "batch_size": 4}, "layers": layers}
    run = run_timing(scenario_data(failure, algorithm=algorithm))
    bits = [row["payload_bits"] for row in run.trace.messages if row["src"] == "device0"]
    plain = min(bits)
    assert bits == [plain, plain + 1280]


def test_a_slow_device_takes_longer_only_while_it_is_slow() -> None:
    slow = {"slow_down": {"factor": 3, "nodes": ["device0"], "when": given_times("500 ms", "1200 ms")}}
    # by 0.5 s half is done, by 1.7 s another 0.4, the last 0.1 at full speed: 1.8 s
    assert round_ends_s(run_timing(scenario_data(slow))) == pytest.approx([3.8, 6.8, 9.8])


@pytest.mark.parametrize(
    ("work_s", "at_s", "takes_s"), [(1, 0, 1), (3, 0, 5), (1, 2, 2), (1, 3.5, 1.25), (9, 1.5, 13)]
)
def test_slowed_durations_computed_by_hand(work_s: float, at_s: float, takes_s: float) -> None:
    """Twice as long in [2, 4) and, on top, in [10, 12)."""
    slow = [DeviceSlowdown(2.0, iter([FaultInterval(2, 4), FaultInterval(10, 12)]))]
    if (work_s, at_s) == (9, 1.5):
        takes_s = 11.0
    if (work_s, at_s) == (3, 0):
        takes_s = 4.0
    assert slowed_duration_s(work_s, at_s, slow) == pytest.approx(takes_s)


def test_factors_of_overlapping_slow_downs_multiply() -> None:
    slow = [
        DeviceSlowdown(2.0, iter([FaultInterval(0, math.inf)])),
        DeviceSlowdown(3.0, iter([FaultInterval(6, math.inf)])),
    ]
    assert slowed_duration_s(4.0, 0.0, slow) == pytest.approx(6.0 + 1.0 * 6.0)


@pytest.mark.parametrize("law", ["exponential", "fixed"])
def test_in_the_long_run_a_node_is_down_for_repair_over_the_cycle(law: str) -> None:
    part, node, until_s = Random(between=30.0, repair=10.0, law=law), Node("a", 0, 4), 4e5  # type: ignore[arg-type]
    out_s, lengths = 0.0, []
    for begin_s, end_s in part.intervals(7, 0, node):
        if end_s > until_s:
            break
        out_s += end_s - begin_s
        lengths.append(end_s - begin_s)
    assert out_s / until_s == pytest.approx(0.25, abs=4 * 0.25 * math.sqrt(2 / len(lengths)))
    assert np.mean(lengths) == pytest.approx(10.0, rel=4 / math.sqrt(len(lengths)))


def test_draws_of_faults_are_keyed_by_node_and_fault() -> None:
    part, nodes = Random(30.0, 10.0), [Node("a", 0, 0), Node("b", 0, 1), Node("e", 1, 0)]
    firsts = {next(part.intervals(7, number, node)) for node in nodes for number in (0, 1)}
    assert len(firsts) == 6
    assert next(part.intervals(7, 0, nodes[0])) == next(part.intervals(7, 0, nodes[0]))


def test_a_node_that_is_down_consumes_no_energy() -> None:
    energy = {"compute": {"active_power": {"power": "2 W"}}, "device": {"idle_power": "1 W"}}
    content = scenario_data(link=DEDICATED, fanout=(2,), energy=energy, stop={"rounds": 2})
    crash = {"crash": {"nodes": ["device0"], "when": given_times("2 s", "2 s")}}
    runs = [run_timing(content | {"faults": list(faults)}) for faults in ([], [crash])]
    nodes = [[row for row in run.trace.nodes if row["node"] == "device0"] for run in runs]
    assert [row["energy_idle_j"] for row in nodes[0]] == [1, 1]
    assert [row["energy_idle_j"] for row in nodes[1]] == [1, 0]
    assert [row["energy_compute_j"] for row in nodes[1]] == [2, 0]


@pytest.mark.parametrize(("fault", "message"), [
    ({"crash": {"nodes": ["device9"], "when": given_times("1 s", None)}}, "there is no 'device9'"),
    ({"crash": {"nodes": ["edge0"], "when": given_times("1 s", None)}}, "is at level 1, not 0"),
    ({"server_failure": {"level": 2, "when": given_times("1 s", None)}}, "level must be below the cloud's"),
    ({"server_failure": {"when": given_times("1 s", None), "reattach": "nearest"}}, "has no coordinates"),
    ({"server_failure": {"when": given_times("1 s", None), "reattach": "best_snr"}}, "network.0. is no cell"),
])  # fmt: skip
def test_a_fault_that_does_not_fit_the_tree_is_named_with_the_reason(
    fault: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        execute(Scenario.model_validate(scenario_data(fault)), engine="timing")
    assert str(error.value).startswith("faults[0]")


@pytest.mark.parametrize(("when", "message"), [
    ({"given": {"at": ["2 s", "1 s"], "lasts": "1 s"}}, "times of at must rise"),
    ({"given": {"at": ["1 s", "2 s"]}}, "by more than lasts"),
    ({"given": {"at": []}}, "at least one time"),
    ({"random": {"between": "1 s", "repair": "1 s", "law": "weibull"}}, "exponential"),
])  # fmt: skip
def test_invalid_fault_times_are_rejected(when: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scenario.model_validate(scenario_data({"crash": {"when": when}}))


def test_every_kind_of_fault_times_is_tested() -> None:
    assert set(FAULT_TIMES.values()) == {Given, Random}
