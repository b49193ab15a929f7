"""A model that diverges ends its run, with its rows and a reason; re-timed, resumed and swept alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learning.store.ledger import Ledger
from netsim.cli.error_handling import exit_code
from netsim.cli.run_command import run_command
from netsim.results.result import Result
from netsim.simulation.run import simulate
from netsim.simulation.run_state import has_diverged
from netsim.sweep import Outcome, Point, SweepFolders, run_sweep

from .runs import scenario
from .test_ledger import tables_equal

WILD = "hier_favg: {learning_rate: 1e20, batch_size: 8, tau: [3, 2]}"
SLOWER = "\n" + "  - wired: {rate: 100 kbit/s, latency: 40 ms}\n" * 2


def test_the_run_ends_at_the_round_whose_loss_is_lost(tmp_path: Path) -> None:
    result = simulate(scenario([2, 3], WILD, rounds=9), device="cpu")
    assert result.manifest["stopped_by"] == "has_diverged"
    assert 1 <= result.finished_rounds < 9
    lost = [has_diverged(loss, result.rounds["loss"][0]) for loss in result.rounds["loss"]]
    assert lost == [False] * result.finished_rounds + [True]
    result.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["stopped_by"] == "has_diverged"


@pytest.mark.parametrize(
    ("loss", "first", "is_lost"),
    [(np.nan, 2.3, True), (np.inf, 2.3, True), (3.4e6, 2.3, True), (3.2e6, 2.3, False), (5.0, 2.3, False), (2e6, 0.0, True)],
)  # fmt: skip
def test_a_loss_that_is_not_finite_or_a_million_times_the_first_is_lost(
    loss: float, first: float, is_lost: bool
) -> None:
    assert has_diverged(loss, first) == is_lost


def test_only_what_is_evaluated_can_be_seen_to_diverge() -> None:
    result = simulate(scenario([2, 3], WILD, rounds=9, evaluate="{every: 4}"), device="cpu")
    assert (result.finished_rounds, result.manifest["stopped_by"]) == (4, "has_diverged")


def test_it_is_re_timed_to_equal_tables(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    simulate(scenario([2, 3], WILD, rounds=9), device="cpu", ledger=ledger)
    slow = scenario([2, 3], WILD, rounds=9, network=SLOWER)
    again = simulate(slow, device="cpu", ledger=ledger)
    tables_equal(again, simulate(slow, device="cpu"))
    assert again.manifest["stopped_by"] == "has_diverged"
    ledger.close()


def test_the_timing_engine_knows_no_loss_and_goes_on() -> None:
    assert simulate(scenario([2, 3], WILD, rounds=4), engine="timing").finished_rounds == 4


class Silent:
    """Nobody listens."""

    def surveyed(self, done: int, points: int) -> None: ...

    def planned(self, trainings: int, points: int) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


@pytest.mark.parametrize("again", [False, True])
def test_points_of_a_sweep_diverge_as_they_would_alone(again: bool, tmp_path: Path) -> None:
    """They share a trajectory, which ends before the timelines that were laid out."""
    from netsim.scenario import resolved

    file = tmp_path / "wild.yaml"
    file.write_text(resolved(scenario([2, 3], WILD, rounds=6)))
    points = [
        Point(k, str(file), (), {"stop.rounds": 6 - k, "network[0].wired.latency": f"{k + 1} ms"})
        for k in range(3)
    ]
    place = SweepFolders.at(tmp_path / "runs", "tiny")
    for _ in range(1 + again):
        outcomes = run_sweep(points[::-1] if again else points, place, Silent())
    assert [outcome.error for outcome in outcomes] == [None] * 3
    for outcome in outcomes:
        assert outcome.folder is not None
        swept, alone = Result.load(outcome.folder), simulate(outcome.point.load(), device="cpu")
        tables_equal(swept, alone)
        assert swept.manifest["stopped_by"] == alone.manifest["stopped_by"] == "has_diverged"


def test_the_command_says_so_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netsim.scenario import resolved

    file = tmp_path / "wild.yaml"
    file.write_text(resolved(scenario([2, 3], WILD, rounds=6)))
    code = exit_code(lambda: run_command(str(file), [], "batched", "cpu", tmp_path, None, True, "30 s"))
    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out)["stopped_by"] == "has_diverged"
    assert "the model diverged, so the run ended after round" in said.err
    assert pd.read_parquet(next(tmp_path.glob("tiny/*/rounds.parquet")))["round"].iloc[-1] < 6
