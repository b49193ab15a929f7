"""Divergence ends a run and is recorded with its rows and reason, also when retimed, resumed or swept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learning.store.ledger import Ledger
from netsim.cli.exit_codes import exit_code
from netsim.cli.run_command import run_command
from netsim.results.result import Result
from netsim.simulation.run import simulate
from netsim.simulation.run_state import has_diverged
from netsim.sweep import Outcome, Point, SweepFolders, run_sweep

from .runs import scenario
from .test_ledger import tables_equal

DIVERGING = "hier_favg: {learning_rate: 1e20, batch_size: 8, tau: [3, 2]}"
SLOWER = "\n" + "  - wired: {rate: 100 kbit/s, latency: 40 ms}\n" * 2


def test_a_run_ends_at_the_first_round_whose_loss_diverges(tmp_path: Path) -> None:
    result = simulate(scenario([2, 3], DIVERGING, rounds=9), device="cpu")
    assert result.manifest["stopped_by"] == "diverged"
    assert 1 <= result.finished_rounds < 9
    diverged = [has_diverged(loss, result.rounds["loss"][0]) for loss in result.rounds["loss"]]
    assert diverged == [False] * result.finished_rounds + [True]
    result.save(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["stopped_by"] == "diverged"


@pytest.mark.parametrize(
    ("loss", "first", "expected"),
    [(np.nan, 2.3, True), (np.inf, 2.3, True), (3.4e6, 2.3, True), (3.2e6, 2.3, False), (5.0, 2.3, False), (2e6, 0.0, True)],
)  # fmt: skip
def test_a_loss_that_is_not_finite_or_a_million_times_the_first_has_diverged(
    loss: float, first: float, expected: bool
) -> None:
    assert has_diverged(loss, first) == expected


def test_divergence_is_detected_at_evaluated_rounds_only() -> None:
    result = simulate(scenario([2, 3], DIVERGING, rounds=9, evaluate="{every: 4}"), device="cpu")
    assert (result.finished_rounds, result.manifest["stopped_by"]) == (4, "diverged")


def test_a_diverged_run_is_retimed_to_equal_tables(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    simulate(scenario([2, 3], DIVERGING, rounds=9), device="cpu", ledger=ledger)
    slow = scenario([2, 3], DIVERGING, rounds=9, network=SLOWER)
    retimed = simulate(slow, device="cpu", ledger=ledger)
    tables_equal(retimed, simulate(slow, device="cpu"))
    assert retimed.manifest["stopped_by"] == "diverged"
    ledger.close()


def test_the_timing_engine_never_stops_for_divergence() -> None:
    assert simulate(scenario([2, 3], DIVERGING, rounds=4), engine="timing").finished_rounds == 4


class SilentListener:
    """A sweep listener that ignores all events."""

    def timelines_done(self, done: int, points: int) -> None: ...

    def planned(self, trainings: int, points: int) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


@pytest.mark.parametrize("repeat", [False, True])
def test_diverged_points_of_a_sweep_equal_single_runs(repeat: bool, tmp_path: Path) -> None:
    """The points share a trajectory that ends before their planned last round."""
    from netsim.scenario import resolved

    file = tmp_path / "wild.yaml"
    file.write_text(resolved(scenario([2, 3], DIVERGING, rounds=6)))
    points = [
        Point(k, str(file), (), {"stop.rounds": 6 - k, "network[0].wired.latency": f"{k + 1} ms"})
        for k in range(3)
    ]
    folders = SweepFolders.at(tmp_path / "runs", "tiny")
    for _ in range(1 + repeat):
        outcomes = run_sweep(points[::-1] if repeat else points, folders, SilentListener())
    assert [outcome.error for outcome in outcomes] == [None] * 3
    for outcome in outcomes:
        assert outcome.folder is not None
        from_sweep, single = Result.load(outcome.folder), simulate(outcome.point.load(), device="cpu")
        tables_equal(from_sweep, single)
        assert from_sweep.manifest["stopped_by"] == single.manifest["stopped_by"] == "diverged"


def test_the_run_command_reports_divergence_and_exits_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from netsim.scenario import resolved

    file = tmp_path / "wild.yaml"
    file.write_text(resolved(scenario([2, 3], DIVERGING, rounds=6)))
    code = exit_code(lambda: run_command(str(file), [], "batched", "cpu", tmp_path, None, True, "30 s"))
    output = capsys.readouterr()
    assert code == 0
    assert json.loads(output.out)["stopped_by"] == "diverged"
    assert "the model diverged, so the run ended after round" in output.err
    assert pd.read_parquet(next(tmp_path.glob("tiny/*/rounds.parquet")))["round"].iloc[-1] < 6
