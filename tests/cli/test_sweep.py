"""`netsim sweep`: every point, one training per trajectory, one tidy table, failures told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from netsim.scenario import load
from netsim.sweep import Outcome, Point, Workplace, points_of, run_sweep, trajectories
from tests.cli.test_commands import netsim

SMALL = ("stop.rounds=2", "task.model=logistic")


def swept(*overrides: str) -> list[Point]:
    given = [*SMALL, *overrides]
    return points_of("quickstart", given, load("quickstart", given))


def test_points_are_all_combinations_in_order() -> None:
    points = swept()
    assert [tuple(point.settings.values()) for point in points] == [
        (uplink, seed) for uplink in ("1 MHz", "5 MHz", "20 MHz") for seed in (1, 2, 3)
    ]
    assert points[4].label == "network[0].cell.uplink=5 MHz, seed=2"


def test_points_that_differ_in_the_network_alone_share_a_trajectory(tmp_path: Path) -> None:
    groups = trajectories(swept(), Workplace(tmp_path, device="cpu"))
    assert [sorted({point.settings["seed"] for point in group}) for group in groups] == [[1], [2], [3]]
    assert [len(group) for group in groups] == [3, 3, 3]


def test_coded_sizes_group_by_what_learning_depends_on(tmp_path: Path) -> None:
    groups = trajectories(swept("algorithm.qmlhfl.code=elias"), Workplace(tmp_path, device="cpu"))
    assert [len(group) for group in groups] == [3, 3, 3]


@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_one_training_serves_its_whole_trajectory(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learning.engine.batched import BatchedSolver

    trained: list[int] = []
    real = BatchedSolver._trained

    def spy(self, jobs, models):  # type: ignore[no-untyped-def]
        trained.append(len(jobs))
        return real(self, jobs, models)

    monkeypatch.setattr(BatchedSolver, "_trained", spy)
    points = [p for p in swept(f"algorithm.qmlhfl.code={code}") if p.settings["seed"] == 1]
    outcomes = run_sweep(points[:1], Workplace(tmp_path / "one", device="cpu"), lambda _: None)
    alone = sum(trained)
    trained.clear()
    outcomes = run_sweep(points, Workplace(tmp_path / "all", device="cpu"), lambda _: None)
    assert sum(trained) == alone > 0
    assert [outcome.error for outcome in outcomes] == [None, None, None]


def test_a_failing_point_is_told_and_stops_nobody(tmp_path: Path) -> None:
    good = swept()[0]
    bad = Point(1, "quickstart", (*SMALL, "task.partition.dirichlet.min_size=1000"), {})
    seen: list[Outcome] = []
    outcomes = run_sweep([good, bad], Workplace(tmp_path, device="cpu"), seen.append)
    assert [outcome.error is None for outcome in outcomes] == [True, False]
    assert "1000" in str(outcomes[1].error)
    assert len(seen) == 2


def test_the_command_writes_one_tidy_table_and_a_page(tmp_path: Path) -> None:
    done = netsim("sweep", "quickstart", *SMALL, "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "runs" / "quickstart-sweep" / "points.parquet")
    assert len(table) == 9 * 3
    assert set(table["network[0].cell.uplink"]) == {"1 MHz", "5 MHz", "20 MHz"}
    by_band = table[table["round"] == 2].groupby("network[0].cell.uplink")["sim_time_s"].mean()
    assert by_band["1 MHz"] > by_band["5 MHz"] > by_band["20 MHz"]
    assert table.groupby(["seed", "round"])["accuracy"].nunique().max() == 1
    assert (tmp_path / "runs" / "quickstart-sweep" / "report.html").stat().st_size > 100_000
    assert "9 models" in netsim("ledger", cwd=tmp_path).stdout
    assert "0 models" in netsim("ledger", "--clear", cwd=tmp_path).stdout


def test_a_scenario_without_a_sweep_says_what_to_do(tmp_path: Path) -> None:
    done = netsim("sweep", "city", cwd=tmp_path)
    assert (done.returncode, "no `sweep:` section" in done.stderr) == (1, True)
