"""`netsim sweep`: all points, one training per trajectory, one table, reported failures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from netsim.scenario import load
from netsim.simulation.run import simulate
from netsim.sweep import Outcome, Point, SweepFolders, points_of, run_sweep
from tests.cli.command_line import netsim

SMALL = ("stop.rounds=2", "task.model=logistic")
TABLES = ("rounds", "messages", "nodes")


class Listener:
    """A sweep listener that records outcomes."""

    def __init__(self) -> None:
        self.trainings = 0
        self.outcomes: list[Outcome] = []

    def timelines_done(self, done: int, points: int) -> None:
        assert 0 < done <= points

    def planned(self, trainings: int, points: int) -> None:
        self.trainings = trainings

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def sweep_points(*overrides: str) -> list[Point]:
    all_overrides = [*SMALL, *overrides]
    return points_of("quickstart", all_overrides, load("quickstart", all_overrides))


def run(points: Sequence[Point], out: Path) -> tuple[list[Outcome], Listener]:
    listener = Listener()
    return run_sweep(points, SweepFolders.at(out, "quickstart", device="cpu"), listener), listener


def statuses(outcomes: Sequence[Outcome]) -> list[str | None]:
    return [outcome.how for outcome in outcomes]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the number of local trainings of every batch."""
    from learning.engine.batched_solver import BatchedSolver

    counts: list[int] = []
    real = BatchedSolver._train

    def spy(self, jobs, models):  # type: ignore[no-untyped-def]
        counts.append(len(jobs))
        return real(self, jobs, models)

    monkeypatch.setattr(BatchedSolver, "_train", spy)
    return counts


def test_points_are_all_combinations_in_order() -> None:
    points = sweep_points()
    assert [tuple(point.settings.values()) for point in points] == [
        (uplink, seed) for uplink in ("1 MHz", "5 MHz", "20 MHz") for seed in (1, 2, 3)
    ]
    assert points[4].label == "network[0].cell.uplink=5 MHz, seed=2"


@pytest.mark.parametrize(
    "options", [(), ("algorithm.qmlhfl.code=elias",), ("stop.target_accuracy=0.2",)], ids=str
)
def test_points_that_differ_only_in_the_network_train_once(
    options: tuple[str, ...], tmp_path: Path, trained: list[int]
) -> None:
    points = sweep_points(*options)
    run(
        [point for point in points if point.settings["network[0].cell.uplink"] == "1 MHz"], tmp_path / "alone"
    )
    single = sum(trained)
    trained.clear()
    outcomes, listener = run(points, tmp_path / "all")
    assert statuses(outcomes) == ["trained"] * 3 + ["re-timed"] * 6
    assert listener.trainings == 3
    assert sum(trained) == single > 0


def test_the_longest_point_of_a_trajectory_trains(tmp_path: Path, trained: list[int]) -> None:
    outcomes, listener = run(sweep_points("sweep={stop.rounds: [1, 3, 2]}"), tmp_path)
    assert statuses(outcomes) == ["re-timed", "trained", "re-timed"]
    assert listener.trainings == 1


def test_a_point_with_other_evaluated_rounds_trains(tmp_path: Path) -> None:
    outcomes, _ = run(sweep_points("stop.rounds=3", "sweep={evaluate.every: [3, 1, 2]}"), tmp_path)
    assert statuses(outcomes) == ["re-timed", "trained", "re-timed"]
    outcomes, _ = run(
        sweep_points("sweep={list: [{stop.rounds: 4, evaluate.every: 4}, {stop.rounds: 3}]}"), tmp_path / "b"
    )
    assert statuses(outcomes) == ["trained", "trained"]


def test_after_a_shorter_point_the_next_one_continues_training(tmp_path: Path, trained: list[int]) -> None:
    outcomes, _ = run(sweep_points("algorithm.qmlhfl.code=elias", "sweep={stop.rounds: [1, 3, 2]}"), tmp_path)
    assert statuses(outcomes) == ["trained", "trained", "re-timed"]


def test_points_with_different_message_loss_all_train(tmp_path: Path) -> None:
    overrides = (
        "network[0].cell.loss={erasure: 0.3}",
        'sweep={"network[0].cell.loss": [{erasure: 0.3}, {erasure: 0.4}]}',
    )
    outcomes, listener = run(sweep_points(*overrides), tmp_path)
    assert (statuses(outcomes), listener.trainings) == (["trained", "trained"], 2)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("deadline", ["null", "1500 ms"])
def test_a_retimed_point_equals_a_run_byte_for_byte(every: int, deadline: str, tmp_path: Path) -> None:
    options = (
        "stop.rounds=3",
        f"evaluate.every={every}",
        f"stop.deadline={deadline}",
        'sweep={"network[0].cell.uplink": [20 MHz, 3 MHz, 1 MHz]}',
    )
    for outcome in run(sweep_points(*options), tmp_path / "swept")[0]:
        assert outcome.folder is not None
        single = simulate(outcome.point.load(), device="cpu")
        folder = single.save(tmp_path / "alone" / single.digest)
        assert folder.name == outcome.folder.name
        for table in TABLES:
            name = f"{table}.parquet"
            assert (folder / name).read_bytes() == (outcome.folder / name).read_bytes()
        assert single.manifest["totals"] == {**single.manifest, **_manifest(outcome)}["totals"]


def _manifest(outcome: Outcome) -> dict[str, object]:
    from netsim.results.run_folder import read_manifest

    assert outcome.folder is not None
    return read_manifest(outcome.folder)


def test_finished_points_are_kept(tmp_path: Path, trained: list[int]) -> None:
    first, _ = run(sweep_points()[:4], tmp_path)
    trained.clear()
    second, listener = run(sweep_points(), tmp_path)
    assert statuses(second)[:4] == ["kept"] * 4
    assert (statuses(second)[4:], sum(trained), listener.trainings) == (["re-timed"] * 5, 0, 0)
    assert [outcome.folder for outcome in first] == [outcome.folder for outcome in second[:4]]


def test_a_damaged_run_folder_is_not_kept(tmp_path: Path) -> None:
    (outcome,), _ = run(sweep_points()[:1], tmp_path)
    assert outcome.folder is not None
    (outcome.folder / "rounds.parquet").write_bytes(b"")
    repeated, _ = run(sweep_points()[:1], tmp_path)
    assert statuses(repeated) == ["re-timed"]


def test_a_sweep_leaves_no_temporary_files(tmp_path: Path) -> None:
    run(sweep_points()[:2], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "quickstart", "quickstart-sweep"]
    assert list((tmp_path / "quickstart-sweep").iterdir()) == []


def test_a_failing_point_is_reported_and_the_others_run(tmp_path: Path) -> None:
    invalid = Point(0, "quickstart", (*SMALL, "task.partition.dirichlet.min_size=1000"), {})
    outcomes, listener = run([invalid, *sweep_points()[1:2]], tmp_path)
    assert [outcome.error is None for outcome in outcomes] == [False, True]
    assert "1000" in str(outcomes[0].error)
    assert len(listener.outcomes) == 2


def test_if_the_training_point_fails_the_next_one_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netsim.sweep import jobs

    real = jobs._train

    def fail_once(point, folders):  # type: ignore[no-untyped-def]
        if point.index == 0:
            raise RuntimeError("failure")
        return real(point, folders)

    monkeypatch.setattr(jobs, "_train", fail_once)
    outcomes, _ = run([point for point in sweep_points() if point.settings["seed"] == 1], tmp_path)
    assert statuses(outcomes) == [None, "trained", "re-timed"]
    assert outcomes[0].error == "RuntimeError: failure"


def test_the_sweep_command_writes_one_table_and_a_report(tmp_path: Path) -> None:
    done = netsim("sweep", "quickstart", *SMALL, "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 to run: 3 trajectories train, 6 are re-timed" in done.stderr
    table = pd.read_parquet(tmp_path / "runs" / "quickstart-sweep" / "points.parquet")
    assert len(table) == 9 * 3
    assert set(table["network[0].cell.uplink"]) == {"1 MHz", "5 MHz", "20 MHz"}
    mean_times = table[table["round"] == 2].groupby("network[0].cell.uplink")["sim_time_s"].mean()
    assert mean_times["1 MHz"] > mean_times["5 MHz"] > mean_times["20 MHz"]
    assert table.groupby(["seed", "round"])["accuracy"].nunique().max() == 1
    assert (tmp_path / "runs" / "quickstart-sweep" / "report.html").stat().st_size > 100_000
    assert "9 models" in netsim("ledger", cwd=tmp_path).stdout
    assert "0 models" in netsim("ledger", "--clear", cwd=tmp_path).stdout


def test_points_without_a_round_before_the_deadline_are_reported(tmp_path: Path) -> None:
    sweep = 'sweep={"network[0].cell.uplink": [1 kHz, 20 MHz, 2 kHz]}'
    done = netsim("sweep", "quickstart", *SMALL, "stop.deadline=2 s", sweep, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "no round fits before the deadline of 2 s: points 1, 3 of 3"


def test_a_scenario_without_a_sweep_is_refused(tmp_path: Path) -> None:
    done = netsim("sweep", "city", cwd=tmp_path)
    assert (done.returncode, "no `sweep:` section" in done.stderr) == (1, True)


@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_twenty_points_train_once_and_simulate_each_timeline_once(
    code: str, tmp_path: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import simpy

    events: list[int] = [0]
    real = simpy.Environment.step

    def step(self: simpy.Environment) -> None:
        events[0] += 1
        real(self)

    monkeypatch.setattr(simpy.Environment, "step", step)
    bandwidths = ", ".join(f"{k} MHz" for k in range(1, 21))
    points = sweep_points(
        f"algorithm.qmlhfl.code={code}", f'sweep={{"network[0].cell.uplink": [{bandwidths}]}}'
    )
    simulate(points[0].load(), device="cpu")
    jobs, single = sum(trained), events[0]
    trained.clear()
    events[0] = 0
    outcomes, _ = run(points, tmp_path)
    assert statuses(outcomes).count("trained") == 1
    assert sum(trained) == jobs
    assert 19 * single < events[0] < 22 * single
