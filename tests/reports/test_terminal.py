"""A run in a terminal."""

from __future__ import annotations

from collections.abc import Callable

from netsim.reports import summary_lines, rounds_table
from netsim.results.result import Result

MakeResult = Callable[..., Result]
NAN = float("nan")


def test_the_closing_lines_say_how_well_how_long_and_how_many_bits(make_result: MakeResult) -> None:
    # One round: 128 messages of 31.4 kbit up, 64 of 250 kbit down; 0.5 s compute, 0.05 s down, 0.2 s up.
    assert summary_lines(make_result(finished=1, depth=1)) == [
        "accuracy 0.270 after 750 ms simulated, 4.02 Mbit up, 16 Mbit down",
        "1 round, stopped by rounds",
        "layer 1: 4.02 Mbit up, 16 Mbit down",
    ]


def test_without_accuracy_the_loss_closes(make_result: MakeResult) -> None:
    run = make_result(finished=1)
    assert summary_lines(make_result(rounds=run.rounds.assign(accuracy=NAN)))[0].startswith("loss 1.95 after")


def test_a_timing_run_says_that_nothing_was_evaluated(make_result: MakeResult) -> None:
    rounds = make_result(finished=1).rounds.assign(accuracy=NAN, loss=NAN)
    assert summary_lines(make_result(rounds=rounds))[0].startswith("nothing evaluated after")


def test_a_run_cut_in_its_first_round_says_so(make_result: MakeResult) -> None:
    assert summary_lines(make_result(finished=0))[0].startswith("no round finished, ")


def test_a_deadline_too_short_for_a_round_is_told(make_result: MakeResult) -> None:
    run = make_result(finished=0)
    late = make_result(finished=0, manifest={**run.manifest, "stopped_by": "deadline"})
    assert summary_lines(late, 20.0)[0].startswith("no round fits before the deadline of 20 s, ")
    assert summary_lines(run, 20.0)[0].startswith("no round finished, ")


def test_the_table_has_aligned_lines_with_the_first_and_the_last_round(make_result: MakeResult) -> None:
    heading, *lines = rounds_table(make_result(finished=20), rows=5)
    assert heading.split() == ["round", "time", "accuracy", "loss", "up", "down"]
    assert [line.split()[0] for line in lines] == ["0", "5", "10", "15", "20"]
    assert len({len(line) for line in [heading, *lines]}) == 1


def test_rounds_that_were_not_evaluated_show_a_dash(make_result: MakeResult) -> None:
    rounds = make_result(finished=1, depth=1).rounds.assign(accuracy=[0.1, NAN], loss=[2.3, NAN])
    assert rounds_table(make_result(depth=1, rounds=rounds))[-1].split()[3:5] == ["-", "-"]
