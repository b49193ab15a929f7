"""`netsim sweep`: every point, one training per trajectory, one tidy table, failures told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from netsim.scenario import load
from netsim.simulation.run import simulate
from netsim.sweep import Outcome, Point, SweepFolders, points_of, run_sweep
from tests.cli.calling import netsim

SMALL = ("stop.rounds=2", "task.model=logistic")
TABLES = ("rounds", "messages", "nodes")


class Listener:
    """An audience that remembers."""

    def __init__(self) -> None:
        self.trainings = 0
        self.outcomes: list[Outcome] = []

    def timelines_done(self, done: int, points: int) -> None:
        assert 0 < done <= points

    def planned(self, trainings: int, points: int) -> None:
        self.trainings = trainings

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def swept(*overrides: str) -> list[Point]:
    given = [*SMALL, *overrides]
    return points_of("quickstart", given, load("quickstart", given))


def run(points: Sequence[Point], out: Path) -> tuple[list[Outcome], Listener]:
    listener = Listener()
    return run_sweep(points, SweepFolders.at(out, "quickstart", device="cpu"), listener), listener


def hows(outcomes: Sequence[Outcome]) -> list[str | None]:
    return [outcome.how for outcome in outcomes]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of local trainings, batch by batch."""
    from learning.engine.batched_solver import BatchedSolver

    counts: list[int] = []
    real = BatchedSolver._train

    def spy(self, jobs, models):  # type: ignore[no-untyped-def]
        counts.append(len(jobs))
        return real(self, jobs, models)

    monkeypatch.setattr(BatchedSolver, "_train", spy)
    return counts


def test_points_are_all_combinations_in_order() -> None:
    points = swept()
    assert [tuple(point.settings.values()) for point in points] == [
        (uplink, seed) for uplink in ("1 MHz", "5 MHz", "20 MHz") for seed in (1, 2, 3)
    ]
    assert points[4].label == "network[0].cell.uplink=5 MHz, seed=2"


@pytest.mark.parametrize(
    "more", [(), ("algorithm.qmlhfl.code=elias",), ("stop.target_accuracy=0.2",)], ids=str
)
def test_points_that_differ_in_the_network_alone_train_once(
    more: tuple[str, ...], tmp_path: Path, trained: list[int]
) -> None:
    points = swept(*more)
    run(
        [point for point in points if point.settings["network[0].cell.uplink"] == "1 MHz"], tmp_path / "alone"
    )
    alone = sum(trained)
    trained.clear()
    outcomes, listener = run(points, tmp_path / "all")
    assert hows(outcomes) == ["trained"] * 3 + ["re-timed"] * 6
    assert listener.trainings == 3
    assert sum(trained) == alone > 0


def test_the_longest_run_of_a_trajectory_trains(tmp_path: Path, trained: list[int]) -> None:
    outcomes, listener = run(swept("sweep={stop.rounds: [1, 3, 2]}"), tmp_path)
    assert hows(outcomes) == ["re-timed", "trained", "re-timed"]
    assert listener.trainings == 1


def test_a_point_that_looks_at_other_models_than_its_leader_trains(tmp_path: Path) -> None:
    outcomes, _ = run(swept("stop.rounds=3", "sweep={evaluate.every: [3, 1, 2]}"), tmp_path)
    assert hows(outcomes) == ["re-timed", "trained", "re-timed"]
    outcomes, _ = run(
        swept("sweep={list: [{stop.rounds: 4, evaluate.every: 4}, {stop.rounds: 3}]}"), tmp_path / "b"
    )
    assert hows(outcomes) == ["trained", "trained"]


def test_where_the_first_of_a_trajectory_is_cut_short_the_next_one_trains_on(
    tmp_path: Path, trained: list[int]
) -> None:
    outcomes, _ = run(swept("algorithm.qmlhfl.code=elias", "sweep={stop.rounds: [1, 3, 2]}"), tmp_path)
    assert hows(outcomes) == ["trained", "trained", "re-timed"]


def test_points_with_losses_of_their_own_all_train(tmp_path: Path) -> None:
    lossy = (
        "network[0].cell.loss={erasure: 0.3}",
        'sweep={"network[0].cell.loss": [{erasure: 0.3}, {erasure: 0.4}]}',
    )
    outcomes, listener = run(swept(*lossy), tmp_path)
    assert (hows(outcomes), listener.trainings) == (["trained", "trained"], 2)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("deadline", ["null", "1500 ms"])
def test_a_re_timed_point_is_the_run_itself_byte_for_byte(every: int, deadline: str, tmp_path: Path) -> None:
    more = (
        "stop.rounds=3",
        f"evaluate.every={every}",
        f"stop.deadline={deadline}",
        'sweep={"network[0].cell.uplink": [20 MHz, 3 MHz, 1 MHz]}',
    )
    for outcome in run(swept(*more), tmp_path / "swept")[0]:
        assert outcome.folder is not None
        alone = simulate(outcome.point.load(), device="cpu")
        folder = alone.save(tmp_path / "alone" / alone.digest)
        assert folder.name == outcome.folder.name
        for table in TABLES:
            name = f"{table}.parquet"
            assert (folder / name).read_bytes() == (outcome.folder / name).read_bytes()
        assert alone.manifest["totals"] == {**alone.manifest, **_manifest(outcome)}["totals"]


def _manifest(outcome: Outcome) -> dict[str, object]:
    from netsim.results.run_folder import read_manifest

    assert outcome.folder is not None
    return read_manifest(outcome.folder)


def test_finished_points_are_kept(tmp_path: Path, trained: list[int]) -> None:
    first, _ = run(swept()[:4], tmp_path)
    trained.clear()
    second, listener = run(swept(), tmp_path)
    assert hows(second)[:4] == ["kept"] * 4
    assert (hows(second)[4:], sum(trained), listener.trainings) == (["re-timed"] * 5, 0, 0)
    assert [outcome.folder for outcome in first] == [outcome.folder for outcome in second[:4]]


def test_a_damaged_run_folder_is_not_kept(tmp_path: Path) -> None:
    (outcome,), _ = run(swept()[:1], tmp_path)
    assert outcome.folder is not None
    (outcome.folder / "rounds.parquet").write_bytes(b"")
    again, _ = run(swept()[:1], tmp_path)
    assert hows(again) == ["re-timed"]


def test_nothing_but_results_is_left_behind(tmp_path: Path) -> None:
    run(swept()[:2], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "quickstart", "quickstart-sweep"]
    assert list((tmp_path / "quickstart-sweep").iterdir()) == []


def test_a_failing_point_is_told_and_stops_nobody(tmp_path: Path) -> None:
    bad = Point(0, "quickstart", (*SMALL, "task.partition.dirichlet.min_size=1000"), {})
    outcomes, listener = run([bad, *swept()[1:2]], tmp_path)
    assert [outcome.error is None for outcome in outcomes] == [False, True]
    assert "1000" in str(outcomes[0].error)
    assert len(listener.outcomes) == 2


def test_should_a_leader_fail_the_next_one_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netsim.sweep import jobs

    real = jobs._train

    def once(point, place):  # type: ignore[no-untyped-def]
        if point.index == 0:
            raise RuntimeError("no luck")
        return real(point, place)

    monkeypatch.setattr(jobs, "_train", once)
    outcomes, _ = run([point for point in swept() if point.settings["seed"] == 1], tmp_path)
    assert hows(outcomes) == [None, "trained", "re-timed"]
    assert outcomes[0].error == "RuntimeError: no luck"


def test_the_command_writes_one_tidy_table_and_a_page(tmp_path: Path) -> None:
    done = netsim("sweep", "quickstart", *SMALL, "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 to run: 3 trajectories train, 6 are re-timed" in done.stderr
    table = pd.read_parquet(tmp_path / "runs" / "quickstart-sweep" / "points.parquet")
    assert len(table) == 9 * 3
    assert set(table["network[0].cell.uplink"]) == {"1 MHz", "5 MHz", "20 MHz"}
    by_band = table[table["round"] == 2].groupby("network[0].cell.uplink")["sim_time_s"].mean()
    assert by_band["1 MHz"] > by_band["5 MHz"] > by_band["20 MHz"]
    assert table.groupby(["seed", "round"])["accuracy"].nunique().max() == 1
    assert (tmp_path / "runs" / "quickstart-sweep" / "report.html").stat().st_size > 100_000
    assert "9 models" in netsim("ledger", cwd=tmp_path).stdout
    assert "0 models" in netsim("ledger", "--clear", cwd=tmp_path).stdout


def test_points_that_fit_no_round_before_the_deadline_are_told(tmp_path: Path) -> None:
    sweep = 'sweep={"network[0].cell.uplink": [1 kHz, 20 MHz, 2 kHz]}'
    done = netsim("sweep", "quickstart", *SMALL, "stop.deadline=2 s", sweep, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "no round fits before the deadline of 2 s: points 1, 3 of 3"


def test_a_scenario_without_a_sweep_says_what_to_do(tmp_path: Path) -> None:
    done = netsim("sweep", "city", cwd=tmp_path)
    assert (done.returncode, "no `sweep:` section" in done.stderr) == (1, True)


@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_twenty_points_train_once_and_play_each_timeline_once(
    code: str, tmp_path: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    import simpy

    events: list[int] = [0]
    real = simpy.Environment.step

    def step(self: simpy.Environment) -> None:
        events[0] += 1
        real(self)

    monkeypatch.setattr(simpy.Environment, "step", step)
    bands = ", ".join(f"{k} MHz" for k in range(1, 21))
    points = swept(f"algorithm.qmlhfl.code={code}", f'sweep={{"network[0].cell.uplink": [{bands}]}}')
    simulate(points[0].load(), device="cpu")
    jobs, alone = sum(trained), events[0]
    trained.clear()
    events[0] = 0
    outcomes, _ = run(points, tmp_path)
    assert hows(outcomes).count("trained") == 1
    assert sum(trained) == jobs
    assert 19 * alone < events[0] < 22 * alone
