"""Terminal output of a run: table of rounds and summary."""

from __future__ import annotations

from collections.abc import Callable

from netsim.reports import rounds_table, summary_lines
from netsim.results.result import Result

MakeResult = Callable[..., Result]
NAN = float("nan")


def test_the_summary_contains_accuracy_time_bits_and_stop_reason(make_result: MakeResult) -> None:
    # One round: 128 messages of 31.4 kbit up, 64 of 250 kbit down; 0.5 s compute, 0.05 s down, 0.2 s up.
    assert summary_lines(make_result(finished=1, depth=1)) == [
        "accuracy 0.270 after 750 ms simulated, 4.02 Mbit up, 16 Mbit down",
        "1 round, stopped by rounds",
        "layer 1: 4.02 Mbit up, 16 Mbit down",
    ]


def test_without_accuracy_the_summary_contains_the_loss(make_result: MakeResult) -> None:
    run = make_result(finished=1)
    assert summary_lines(make_result(rounds=run.rounds.assign(accuracy=NAN)))[0].startswith("loss 1.95 after")


def test_the_summary_of_a_timing_run_states_that_nothing_was_evaluated(make_result: MakeResult) -> None:
    rounds = make_result(finished=1).rounds.assign(accuracy=NAN, loss=NAN)
    assert summary_lines(make_result(rounds=rounds))[0].startswith("nothing evaluated after")


def test_the_summary_of_a_run_without_a_finished_round_states_so(make_result: MakeResult) -> None:
    assert summary_lines(make_result(finished=0))[0].startswith("no round finished, ")


def test_the_summary_states_a_deadline_too_short_for_a_round(make_result: MakeResult) -> None:
    run = make_result(finished=0)
    late = make_result(finished=0, manifest={**run.manifest, "stopped_by": "deadline"})
    assert summary_lines(late, 20.0)[0].startswith("no round fits before the deadline of 20 s, ")
    assert summary_lines(run, 20.0)[0].startswith("no round finished, ")


def test_the_table_has_aligned_lines_and_includes_the_first_and_the_last_round(
    make_result: MakeResult,
) -> None:
    heading, *lines = rounds_table(make_result(finished=20), rows=5)
    assert heading.split() == ["round", "time", "accuracy", "loss", "up", "down"]
    assert [line.split()[0] for line in lines] == ["0", "5", "10", "15", "20"]
    assert len({len(line) for line in [heading, *lines]}) == 1


def test_rounds_without_an_evaluation_have_a_dash(make_result: MakeResult) -> None:
    rounds = make_result(finished=1, depth=1).rounds.assign(accuracy=[0.1, NAN], loss=[2.3, NAN])
    assert rounds_table(make_result(depth=1, rounds=rounds))[-1].split()[3:5] == ["-", "-"]
