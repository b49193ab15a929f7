"""Opening times of barriers, computed by hand for constant delays."""

from __future__ import annotations

import itertools
import math

import pytest

from netsim.barriers.barriers import BARRIERS, All, Deadline, First
from netsim.barriers.staleness import Hinge, Polynomial
from netsim.build import BuildError
from netsim.scenario import ScenarioError

from .sample_scenarios import round_ends_s, run_timing, star_scenario

LATE = [0, 0.25, 1.5]
"""Answers arrive 2, 2.5 and 5 s after the broadcast."""

INSTANTS = {
    "all": [0, 5, 10, 15, 20],
    "{first: {count: 1}}": [0, 2, 4, 6, 8],
    "{first: {count: 2}}": [0, 2.5, 5, 7.5, 10],
    "{first: {count: 9}}": [0, 5, 10, 15, 20],
    "{first: {count: 2, late: carry}}": [0, 2.5, 5, 7.5, 10],
    "{fraction: {of: 0.5}}": [0, 2.5, 5, 7.5, 10],
    "{fraction: {of: 0.3333333333333}}": [0, 2, 4, 6, 8],
    "{fraction: {of: 1}}": [0, 5, 10, 15, 20],
    "{deadline: {after: 3 s}}": [0, 3, 6, 9, 12],
    "{deadline: {after: 6 s}}": [0, 5, 10, 15, 20],
    "{deadline: {after: 1 s}}": [0, 1, 2, 3, 4],
    "{deadline: {after: 1 s, at_least: 1}}": [0, 2, 4, 6, 8],
    "{deadline: {after: 1 s, at_least: 2}}": [0, 2.5, 5, 7.5, 10],
    "{deadline: {after: 3 s, late: carry}}": [0, 3, 5.5, 8.5, 11],
    "{semi_synchronous: {period: 3 s}}": [0, 3, 6, 9, 12],
    "{semi_synchronous: {period: 7 s}}": [0, 7, 14, 21, 28],
    "{buffer: {size: 1}}": [0, 2, 2.5, 4, 5],
    "{buffer: {size: 2}}": [0, 2.5, 5, 7.5, 10],
    "asynchronous": [0, 2, 2.5, 4, 5],
}


@pytest.mark.parametrize("wait", INSTANTS)
def test_rounds_end_when_the_barrier_opens(wait: str) -> None:
    assert round_ends_s(run_timing(star_scenario(LATE, wait))) == INSTANTS[wait]


def test_an_answer_exactly_at_the_deadline_counts() -> None:
    run = run_timing(star_scenario(LATE, "{deadline: {after: 2500 ms}}", rounds=1))
    assert [m["fate"] for m in run.trace.messages] == ["delivered"] * 3 + ["cancelled"]
    assert [(m["src"], m["fate"]) for m in run.trace.messages if m["arrived_s"] == 2.5] == [
        ("device1", "delivered"),
        ("device2", "cancelled"),
    ]


def test_a_cancelled_upload_counts_the_bits_sent_and_a_late_message_all_bits() -> None:
    run = run_timing(star_scenario(LATE, "{deadline: {after: 3 s}}", rounds=2))
    ups = [m for m in run.trace.messages if m["direction"] == "up"]
    assert [m["fate"] for m in ups] == ["delivered", "delivered", "cancelled"] * 2
    assert [m["airtime_s"] for m in ups] == [1, 1, 0.5] * 2
    whole = ups[0]["payload_bits"]
    assert [m["payload_bits"] for m in ups] == [whole, whole, whole / 2] * 2
    assert run.trace.rounds[-1]["bits_up_1"] == 5 * whole
    late = run_timing(star_scenario(LATE, "{deadline: {after: 4 s}}", rounds=1))
    assert [m["fate"] for m in late.trace.messages] == ["delivered"] * 3 + ["late"]
    assert late.trace.rounds[-1]["bits_up_1"] == 3 * whole


def test_carried_answers_are_requested_once_and_aggregated_once() -> None:
    run = run_timing(star_scenario(LATE, "{deadline: {after: 3 s, late: carry}}", rounds=4))
    ups = [(m["src"], m["sent_s"], m["fate"]) for m in run.trace.messages if m["direction"] == "up"]
    assert [(src, sent) for src, sent, _ in ups if src == "device2"] == [("device2", 2.5), ("device2", 8)]
    assert {fate for *_, fate in ups} == {"delivered"}


@pytest.mark.parametrize("wait", INSTANTS)
def test_the_critical_path_is_as_long_as_the_run(wait: str) -> None:
    last = run_timing(star_scenario(LATE, wait)).trace.rounds
    paths = [sum(v for k, v in row.items() if k.startswith("path_")) for row in last[1:]]
    lengths = [b["sim_time_s"] - a["sim_time_s"] for a, b in itertools.pairwise(last)]
    assert paths == pytest.approx(lengths, abs=1e-12)


@pytest.mark.parametrize("wait", INSTANTS)
def test_no_node_is_busy_longer_than_its_rounds(wait: str) -> None:
    run = run_timing(star_scenario(LATE, wait))
    rows = run.trace.rounds
    lengths = {b["round"]: b["sim_time_s"] - a["sim_time_s"] for a, b in itertools.pairwise(rows)}
    for row in run.trace.nodes:
        spent = sum(row[f"{kind}_s"] for kind in ("downlink", "compute", "below", "uplink", "waiting"))
        assert spent == pytest.approx(lengths[row["round"]], abs=1e-12)


def test_every_barrier_is_in_the_table_of_times() -> None:
    assert {wait.strip("{").split(":")[0] for wait in INSTANTS} == set(BARRIERS)


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        ("{first: {count: 0}}", "count must be >= 1"),
        ("{fraction: {of: 0}}", r"of must be in \(0, 1\]"),
        ("{fraction: {of: 1.5}}", r"of must be in \(0, 1\]"),
        ("{deadline: {after: 1 s, late: often}}", "late: must be .drop. or .carry."),
        ("{deadline: {after: 1 s, at_least: -1}}", "at_least must be >= 0"),
        ("{deadline: {after: 0 s}}", "after"),
        ("{first: {count: 1, staleness: hinge}}", "late: drop carries none"),
        ("{buffer: {size: 0}}", "size must be >= 1"),
        ("{buffer: {size: 1, staleness: {polynomial: {exponent: 0}}}}", "exponent must be > 0"),
        ("{buffer: {size: 1, staleness: {hinge: {slope: 0}}}}", "slope must be > 0"),
        ("{buffer: {size: 1, staleness: {hinge: {grace: -1}}}}", "grace must be >= 0"),
        ("{asynchronous: {mix: 0}}", r"mix must be in \(0, 1\]"),
        ("all, all", "has 2 entries, but the topology has 1 layer"),
    ],
)
def test_invalid_barriers_are_rejected_with_their_place(wait: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as refused:
        star_scenario(LATE, wait)
    assert ": wait" in str(refused.value)


def test_barriers_that_do_not_fit_the_algorithm_are_rejected() -> None:
    with pytest.raises(ScenarioError, match=r"rule of layer 1 must be mean"):
        star_scenario(LATE, "asynchronous", algorithm="{sign_sgd: {learning_rate: 0.1, batch_size: 8}}")


def test_staleness_follows_its_papers() -> None:
    assert [Hinge(10, 4).factor(age) for age in (0, 2, 4, 5, 6)] == [1, 1, 1, 1 / 11, 1 / 21]
    assert [Polynomial(1.0).factor(age) for age in (0, 1, 3)] == [1, 0.5, 0.25]


def test_conditions_of_the_barriers() -> None:
    assert not All().is_satisfied(2, 2, 3, timed_out=True)
    assert First(2).is_satisfied(2, 2, 3, timed_out=False)
    assert First(5).is_satisfied(0, 3, 3, timed_out=False)
    assert Deadline(1.0, at_least=1).is_satisfied(0, 3, 3, timed_out=True)
    assert math.isclose(BARRIERS["buffer"](2).staleness.factor(3), 0.5)


@pytest.mark.parametrize("wait", ["{deadline: {after: 1 s}}", "{semi_synchronous: {period: 1 s}}"])
def test_a_vote_with_random_ties_needs_at_least_one_vote(wait: str) -> None:
    votes = "{sign_sgd: {learning_rate: 0.1, batch_size: 8}}"
    with pytest.raises(BuildError, match=r"wait\[0\].*at_least"):
        run_timing(star_scenario(LATE, wait, algorithm=votes))
    run_timing(star_scenario(LATE, "{deadline: {after: 1 s, at_least: 1}}", algorithm=votes))
