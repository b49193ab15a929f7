"""Each invariant of `netsim.simulation.invariants` is violated by a change of the simulator; the violation is detected."""

from __future__ import annotations

import json
from typing import Any

import pytest
import simpy

from netsim.energy.meter import Meter
from netsim.protocol.exchange import Inbox
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.trace import Path, Trace
from netsim.protocol.transport import Transport
from netsim.scenario import Scenario
from netsim.simulation import invariants
from netsim.simulation.invariants import InvariantError
from netsim.simulation.run import execute
from tests.dynamics.sample_scenarios import (
    DEDICATED_WIRED,
    SHARED,
    SHARED_BOTH_WAYS,
    UNICAST,
    Data,
    given_times,
    run_timing,
    scenario_data,
)

CRASHES: Data = {"crash": {"when": {"random": {"between": "6 s", "repair": "2 s"}}}}
FAILURES: Data = {"server_failure": {"when": {"random": {"between": "9 s", "repair": "3 s"}}}}
OUTAGES: Data = {"link_outage": {"when": {"random": {"between": "5 s", "repair": "1 s"}}, "uploads": "stall"}}
SLOW: Data = {"slow_down": {"factor": 4, "when": {"random": {"between": "5 s", "repair": "2 s"}}}}
ENERGY: Data = {"compute": {"active_power": {"power": "2 W"}}, "wired_per_bit": "1 uJ/bit"}
BARRIERS = (
    ["all", "all"],
    [{"first": {"count": 2}}, "all"],
    [{"deadline": {"after": "2500 ms"}}, {"fraction": {"of": 0.5, "late": "carry"}}],
    [{"buffer": {"size": 2}}, "all"],
    ["asynchronous", {"buffer": {"size": 2}}],
)


def all_faults_scenario(link: Data = SHARED, **more: Any) -> Data:
    """A scenario with crashes, server failures, link outages and slowdowns."""
    network = [link, SHARED]
    stop, faults = {"rounds": 20, "deadline": "200 s"}, [CRASHES, FAILURES, OUTAGES, SLOW]
    return scenario_data(*faults, fanout=(3, 4), network=network, energy=ENERGY, stop=stop) | more


@pytest.mark.parametrize("wait", BARRIERS, ids=json.dumps)
@pytest.mark.parametrize(
    "link", [SHARED, DEDICATED_WIRED, SHARED_BOTH_WAYS, UNICAST], ids=["trunk", "own", "both", "unicast"]
)
def test_all_invariants_hold_under_all_faults_together(wait: list[Any], link: Data) -> None:
    run = run_timing(all_faults_scenario(link, wait=wait))
    fates = {row["fate"] for row in run.trace.messages}
    assert {"delivered", "cancelled"} <= fates
    assert run.trace.aggregations


@pytest.mark.parametrize("detection", ["300 ms", "5 s"])
def test_all_invariants_hold_with_delayed_detection(detection: str) -> None:
    faults = [{name: part | {"detection": detection}} for name, part in (*CRASHES.items(), *FAILURES.items())]
    assert run_timing(all_faults_scenario() | {"faults": faults}).trace.interrupted


def violation_message(invariant: str) -> str:
    """The error message of a run that violates this invariant."""
    with pytest.raises(InvariantError, match=invariant) as error:
        run_timing(all_faults_scenario())
    return str(error.value)


def test_unreturned_bits_of_a_cancelled_message_violate_conservation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Trace, "record_unsent",
        lambda self, row, message, payload_bits, *_: self.messages.add(row, "payload_bits", -payload_bits),
    )  # fmt: skip
    assert "bits_up_1 is" in violation_message("conservation")


def test_a_cancelled_message_marked_delivered_violates_conservation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Trace, "record_cancelled", lambda self, row, now_s, fully_sent: self.messages.put(row, "fate", self._fates["delivered"])
    )  # fmt: skip
    assert "is delivered, but arrived_s is nan" in violation_message("conservation")


def test_aggregation_before_arrival_violates_causality(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregated = Trace.record_aggregation
    monkeypatch.setattr(
        Trace, "record_aggregation", lambda self, now_s, node, rows: aggregated(self, now_s - 0.1, node, rows)
    )
    assert "aggregated message" in violation_message("causality")


def test_aggregating_a_message_twice_violates_causality(monkeypatch: pytest.MonkeyPatch) -> None:
    aggregated = Trace.record_aggregation
    monkeypatch.setattr(
        Trace,
        "record_aggregation",
        lambda self, now_s, node, rows: aggregated(self, now_s, node, 2 * list(rows)),
    )
    assert "aggregated twice" in violation_message("causality")


def test_an_uninterrupted_child_violates_no_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: Inbox) -> bool:
        self.exchanges.clear()
        return True

    monkeypatch.setattr(Inbox, "interrupt_all", forget)
    assert "no parent waits for it" in violation_message("no orphans")


def test_exchanges_of_a_failed_server_violate_no_orphans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExchangeRunner, "abort_all", lambda self, inbox: False)
    assert "which does not work" in violation_message("no orphans")


def test_a_link_that_continues_a_cancelled_transfer_violates_no_orphans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half(self: Transport, in_flight: Any) -> None:
        self.trace.record_cancelled(in_flight.row, self.env.now, fully_sent=True)

    monkeypatch.setattr(Transport, "cancel", half)
    assert "transmits a message that no node expects" in violation_message("no orphans")


def test_arrival_before_transmission_violates_monotone_times(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = Trace.record_arrival
    monkeypatch.setattr(
        Trace, "record_arrival", lambda self, row, now_s, delivered: arrived(self, row, now_s - 9, delivered=delivered)
    )  # fmt: skip
    assert "before it was sent" in violation_message("monotone times")


def test_subtracting_energy_twice_violates_energies(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = Meter._stop_compute

    def twice(self: Meter, name: str, now_s: float) -> None:
        for _ in range(9):
            before = self._computing.get(name)
            stopped(self, name, now_s)
            if before is not None:
                self._computing[name] = before

    monkeypatch.setattr(Meter, "_stop_compute", twice)
    assert "energy_compute_j" in violation_message("energies")


def test_counting_work_twice_violates_activity_times(monkeypatch: pytest.MonkeyPatch) -> None:
    set_activity = Trace.set_activity

    def twice(self: Trace, node: Any, activity: int | None, now_s: float) -> None:
        set_activity(self, node, activity, now_s)
        if activity is None and node.name in self._activity_s:
            self._activity_s[node.name][1] *= 2

    monkeypatch.setattr(Trace, "set_activity", twice)
    assert "the activities of" in violation_message("activity times")


def test_an_omitted_wait_violates_critical_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "plus_wait", lambda self, seconds: self)
    assert "the path of round" in violation_message("critical paths")


def test_this_file_violates_every_invariant() -> None:
    assert set(invariants.INVARIANTS) == {
        "conservation", "causality", "no orphans", "monotone times", "energies", "activity times",
        "critical paths",
    }  # fmt: skip


def test_orphans_are_detected_at_the_time_they_occur(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExchangeRunner, "abort_all", lambda self, inbox: False)
    failure = {"server_failure": {"nodes": ["edge0"], "when": given_times("1500 ms", "20 s")}}
    with pytest.raises(InvariantError, match=r"at 1\.5 s"):
        run_timing(scenario_data(failure))


def test_verification_does_not_change_a_run() -> None:
    from netsim.scenario import Scenario
    from netsim.simulation.run import execute

    content = Scenario.model_validate(all_faults_scenario())
    one, other = (execute(content, engine="timing", verify=verify) for verify in (False, True))
    assert repr(one.trace.rounds) == repr(other.trace.rounds)
    assert one.trace.aggregations is None
    assert isinstance(one.env, simpy.Environment)


def test_polls_have_no_pending_exchanges_after_the_poll() -> None:
    selection = [{"power_of_choice": {"count": 1, "candidates": 2}}, "all"]
    run = execute(Scenario.model_validate(scenario_data(selection=selection)), engine="batched", verify=True)
    polls = [inbox for name, inbox in run.loop.exchanges.inboxes.items() if name.endswith("(poll)")]
    assert len(polls) == 2
    assert not any(inbox.exchanges for inbox in polls)


def test_a_wait_after_the_prologue_is_on_the_critical_path() -> None:
    outage = {"link_outage": {"when": given_times("500 ms", "5 s")}}
    algorithm = {"dc_hier_sign_sgd": {"learning_rate": 0.01, "batch_size": 4, "tau": [1, 1], "ties": "zero"}}
    run = run_timing(
        scenario_data(
            outage,
            link={"delay": {"uplink": "1 s", "downlink": "1 s"}},
            algorithm=algorithm,
            stop={"rounds": 1},
        )
    )
    assert run.trace.rounds[1]["path_wait_s"] > 0  # and its invariants hold


def test_cancelled_uploads_are_not_counted_as_lost() -> None:
    lossy = {"wired": SHARED["wired"] | {"loss": {"erasure": {"probability": 0.5}}}}
    algorithm = {"fedavg": {"learning_rate": 0.1, "batch_size": 4, "local_steps": 1}}
    cut = [{"deadline": {"after": "3 s"}}]  # eight uploads share the link until 9 s
    run = run_timing(scenario_data(fanout=(8,), link=lossy, algorithm=algorithm, wait=cut))
    fates = [row["fate"] for row in run.trace.messages if row["direction"] == "up"]
    assert fates.count("cancelled") == 24
    assert run.trace.totals["lost_up"] == [0]


def test_a_poll_without_receivers_is_cancelled() -> None:
    selection = [{"power_of_choice": {"count": 1, "candidates": 2}}]
    algorithm = {"fedavg": {"learning_rate": 0.1, "batch_size": 4, "local_steps": 1}}
    crash = {"crash": {"when": given_times("50 ms", "100 ms")}}
    content = scenario_data(
        crash, fanout=(2,), link=SHARED_BOTH_WAYS, algorithm=algorithm, selection=selection
    )
    run = execute(Scenario.model_validate(content), engine="batched", verify=True)
    assert run.trace.messages[0]["fate"] == "cancelled"
