"""Cancelled exchanges stop at once: links and devices become free, and no energy is charged any more."""

from __future__ import annotations

import pytest
import simpy

from netsim.network.fifo_medium import FifoMedium
from netsim.network.media import DedicatedMedium, SharedMedium
from netsim.scenario import load_text
from netsim.simulation.run import Run

from .sample_scenarios import round_ends_s, run_timing, star_scenario

SHARED = "[{wired: {rate: 20800 bit/s, latency: 0 s, packets: none}}]"
"""A shared link: the airtime of a model is 1 s."""


def served_s(
    medium: SharedMedium | FifoMedium | DedicatedMedium, cancel: dict[int, float]
) -> dict[int, float]:
    """Ends of three transfers of 1, 2 and 3 s started together, some of them cancelled."""
    env, ends = medium._env, {}
    events = {k: medium.serve(float(k)) for k in (1, 2, 3)}

    def note(k: int) -> None:
        events[k].callbacks.append(lambda _: ends.__setitem__(k, env.now))

    def give_up(k: int, at_s: float):  # type: ignore[no-untyped-def]
        yield env.timeout(at_s)
        medium.cancel(events[k])

    for k in events:
        note(k)
    for k, at_s in cancel.items():
        env.process(give_up(k, at_s))
    env.run()
    return ends


@pytest.mark.parametrize(
    ("cancel", "ends"),
    [
        ({}, {1: 3, 2: 5, 3: 6}),
        ({3: 1.5}, {1: 2.5, 2: 3.5}),
        ({1: 1.5}, {2: 4.5 - 1 + 0.5 - 0.5, 3: 4.5}),
        ({2: 0.0}, {1: 2, 3: 4}),
        ({1: 0.6, 2: 0.6, 3: 0.6}, {}),
        ({2: 9.0}, {1: 3, 2: 5, 3: 6}),
    ],
)
def test_the_others_share_the_capacity_of_a_cancelled_transfer(
    cancel: dict[int, float], ends: dict[int, float]
) -> None:
    env = simpy.Environment()
    medium = SharedMedium(env)
    if cancel == {
        1: 1.5
    }:  # 0.5 each at 1.5; then halves: 2 has 1.5 left -> +3, 3 continues alone with 1 left
        ends = {2: 4.5, 3: 5.5}
    assert served_s(medium, cancel) == pytest.approx(ends)
    assert medium.busy_s == pytest.approx(max([*ends.values(), *(t for t in cancel.values() if t < 6)]))


@pytest.mark.parametrize(
    ("cancel", "ends"),
    [({}, {1: 1, 2: 3, 3: 6}), ({1: 0.5}, {2: 2.5, 3: 5.5}), ({2: 0.5}, {1: 1, 3: 4}), ({2: 2}, {1: 1, 3: 5}), ({1: 2}, {1: 1, 2: 3, 3: 6})],
)  # fmt: skip
def test_transfers_behind_a_cancelled_one_move_up_in_the_queue(
    cancel: dict[int, float], ends: dict[int, float]
) -> None:
    env = simpy.Environment()
    assert served_s(FifoMedium(env), cancel) == pytest.approx(ends)


def test_a_cancelled_transfer_on_a_dedicated_link_runs_no_callback() -> None:
    assert served_s(DedicatedMedium(simpy.Environment()), {2: 1.0}) == {1: 1.0, 3: 3.0}


def test_a_cancelled_upload_frees_the_shared_link_within_the_round() -> None:
    """Three uploads share the link and would end together at 5 s; at 3 s all are cancelled, and the next round starts."""
    run = run_timing(star_scenario([0, 0, 0], "{deadline: {after: 3 s}}", network=SHARED, rounds=2))
    ups = [m for m in run.trace.messages if m["direction"] == "up"]
    assert round_ends_s(run) == [0, 3, 6]
    assert [m["fate"] for m in ups] == ["cancelled"] * 6
    assert [m["airtime_s"] for m in ups] == pytest.approx([1 / 3] * 6)


def test_carried_uploads_share_the_link_with_later_ones() -> None:
    run = run_timing(star_scenario([0, 0, 0], "{semi_synchronous: {period: 3 s}}", network=SHARED, rounds=3))
    ups = [m for m in run.trace.messages if m["direction"] == "up"]
    assert [m["arrived_s"] for m in ups[:3]] == pytest.approx([5, 5, 5])


def two_layers(wait: str, *, downlink: str = "0 s", rounds: int = 3, energy: str = "") -> Run:
    """Two edges of two devices; edge1's own uplink takes 10 s longer, the devices' messages 1 s."""
    text = f"""
name: cut
seed: 3
task: {{dataset: digits, partition: iid, model: logistic}}
topology: {{tree: {{children: [{{name: edge0, devices: 2}}, {{name: edge1, latency: 10 s, devices: 2}}]}}}}
devices: {{compute: {{constant: {{step: 1 s}}}}}}
algorithm: {{hier_favg: {{learning_rate: 0.2, batch_size: 8, tau: [1, 2]}}}}
network: [{{delay: {{uplink: 1 s, downlink: {downlink}}}}}, {{delay: {{uplink: 1 s}}}}]
wait: {wait}
stop: {{rounds: {rounds}}}
{energy}
"""
    return run_timing(load_text(text, "cut.yaml"))


def test_cancelling_an_edge_cancels_its_devices() -> None:
    """Edge1 would receive at 10 s, edge0 finishes at 5 s: devices of edge1 never work."""
    run = two_layers("[all, {first: {count: 1}}]")
    assert round_ends_s(run) == [0, 5, 10, 15]
    seen = {m["src"] for m in run.trace.messages}
    assert {"edge1", "device2", "device3"}.isdisjoint(seen)
    later = two_layers("[all, {deadline: {after: 12500 ms}}]")
    messages = [m for m in later.trace.messages if m["src"] in ("device2", "device3")]
    assert [(m["sent_s"], m["fate"], m["airtime_s"]) for m in messages] == [
        (12.5 * k + 11, "delivered", 1) for k in range(3) for _ in range(2)
    ]
    waiting = [n for n in later.trace.nodes if n["node"] == "device2"]
    assert [(n["compute_s"], n["uplink_s"], n["downlink_s"]) for n in waiting] == [(1.5, 1, 0)] * 3


def test_a_broadcast_to_a_cancelled_subtree_stops_too() -> None:
    run = two_layers("[all, {deadline: {after: 11 s}}]", downlink="2 s", rounds=1)
    edge1 = [m for m in run.trace.messages if m["src"] == "edge1"]
    assert [(m["fate"], m["airtime_s"]) for m in edge1] == [("cancelled", 1.0)]


@pytest.mark.parametrize("wait", ["{first: {count: 2}}", "{deadline: {after: 3 s}}"])
def test_a_device_that_stops_computing_stops_consuming_energy(wait: str) -> None:
    """Device 2 would receive at 4 s and never computes; the others make a step of 1 s at 2 W in each round."""
    more = {"energy": "{compute: {active_power: 2 W}, device: {idle_power: 0 W}}"}
    run = run_timing(star_scenario([0, 0.25, 4], wait, rounds=2, **more))
    spent = {n["node"]: n["energy_compute_j"] for n in run.trace.nodes if n["round"] == 2}
    assert spent == {"cloud": 0, "device0": 2, "device1": 2, "device2": 0}
    half = run_timing(star_scenario([0, 0.25, 2], "{first: {count: 2}}", rounds=2, **more))
    assert [n["energy_compute_j"] for n in half.trace.nodes if n["node"] == "device2"] == [1, 1]


def test_a_cancelled_upload_is_charged_for_the_part_sent() -> None:
    """Device 2 sends from 2.5 s to the barrier at 3 s: half of its message."""
    more = {"energy": "{compute: {active_power: 2 W}, wired_per_bit: 1 uJ/bit}"}
    run = run_timing(star_scenario([0, 0.25, 1.5], "{deadline: {after: 3 s}}", rounds=2, **more))
    spent = {n["node"]: n["energy_wired_j"] for n in run.trace.nodes if n["round"] == 2}
    assert spent["device2"] == pytest.approx(spent["device0"] / 2)
    assert spent["device1"] == spent["device0"] > 0
