"""Jobs of a sweep: compute the timeline of a point, run the point, or fill known values into its timeline."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from learning.engine import Engine, ValuesNeededError, resolve_numerics
from learning.store.ledger import Ledger
from learning.tasks.task_cache import TaskCache, use_task_cache
from netsim.build import build_task
from netsim.results.atomic_folder import replace_folder
from netsim.results.run_folder import (
    ResultError,
    check_replaceable,
    is_complete,
    read_manifest,
    read_table,
    write_manifest,
    write_table,
)
from netsim.scenario import Scenario, ScenarioError, grow
from netsim.simulation import run as runs
from netsim.simulation.adaptive_tau import needs_values
from netsim.simulation.run import digest_root, execute, simulate
from netsim.simulation.run_state import Run
from netsim.sweep.points import Outcome, Point, SweepFolders

TIMELINES = "timelines"
"""Subfolder of a sweep with timelines that lack their values."""

READY = ("scenario.yaml", "messages.parquet", "nodes.parquet")
"""Files of a timeline without values, which are used for the run unchanged."""

T = TypeVar("T")
Metrics = Mapping[str, float]
"""Accuracy and loss of a model, nan if the task has none; and the number of rejected updates, if counted."""

_task_cache = TaskCache()
"""Data sets and tasks that this process shares among jobs."""


@dataclass(frozen=True)
class Timeline:
    """A run without values in a folder of its own, with the models that it evaluates and their rows."""

    folder: Path
    """Named by the digest of the run."""
    seed: int
    required_models: Mapping[int, bytes]
    """Row of the rounds table -> digest of the model whose metrics belong there."""


@dataclass(frozen=True)
class TimedPoint:
    """A point with its timeline; None if message sizes or stopping depend on values."""

    point: Point
    timeline: Timeline | None


def clear_shared_data() -> None:
    """Clear the shared data; files may have changed."""
    global _task_cache
    _task_cache = TaskCache()


def compute_timeline(point: Point, folders: SweepFolders) -> TimedPoint | Outcome:
    """The point's timeline, or its outcome where its run folder is there already, or where it cannot run."""
    return _run_job(point, lambda: _survey(point, folders))


def train(point: Point, folders: SweepFolders) -> Outcome:
    """Run the point, from the ledger where every value is known, else with training."""
    return _run_job(point, lambda: _train(point, folders))


def retime(point: Point, folders: SweepFolders) -> Outcome | None:
    """Run the point from the ledger alone; None where a value is missing."""
    return _run_job(point, lambda: _retime(point, folders))


def fill_timeline(
    point: Point, timeline: Timeline, metrics: Mapping[bytes, Metrics], folders: SweepFolders
) -> Outcome:
    """Put the metrics of its models, by name, into a point's timeline: byte for byte the run's own tables."""
    return _run_job(point, lambda: _fill(point, timeline, metrics, folders))


def _run_job(point: Point, job: Callable[[], T]) -> T | Outcome:
    """The job's answer; whatever goes wrong with one point becomes its outcome."""
    try:
        with use_task_cache(_task_cache):
            return job()
    except Exception as error:
        text = str(error) if isinstance(error, ScenarioError) else f"{type(error).__name__}: {error}"
        return Outcome(point, error=text)


def _survey(point: Point, folders: SweepFolders) -> TimedPoint | Outcome:
    from netsim.simulation.result_assembly import HostClock, assemble_result, run_digest

    host, scenario = HostClock(), point.load()
    task = build_task(scenario, grow(scenario))
    numerics = resolve_numerics(folders.engine, folders.device, scenario.precision, task)
    digest = run_digest(scenario, task, numerics)
    folder = folders.out / scenario.name / digest
    if is_complete(folder, digest):
        return Outcome(point, folder, how="kept", seed=scenario.seed)
    if scenario.stop.target_accuracy is not None or needs_values(scenario):
        return TimedPoint(point, None)
    try:
        run = execute(scenario, engine=folders.engine, device=folders.device, values=False)
    except ValuesNeededError:
        return TimedPoint(point, None)
    result = assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)
    sweep_folder = folders.sweep_folder / TIMELINES / digest
    sweep_folder.mkdir(parents=True, exist_ok=True)
    result.write(sweep_folder)
    return TimedPoint(point, Timeline(sweep_folder, scenario.seed, _required_models(scenario, run)))


def _required_models(scenario: Scenario, run: Run) -> dict[int, bytes]:
    """The models that a run scores: the initial one, every `every`-th, that of the last round."""
    start = (
        Engine(digest_root(run.task, run.numerics), scenario.seed, run.task.dim, finite=scenario.finite)
        .initial_model()
        .digest
    )
    last = len(run.digests)
    due = [k for k in range(1, last + 1) if k % scenario.evaluate.every == 0 or k == last]
    return {0: start, **{k: run.digests[k - 1] for k in due}}


def _train(point: Point, folders: SweepFolders) -> Outcome:
    known = _retime(point, folders)
    if known is not None:
        return known
    scenario = point.load()
    with _ledger(folders) as ledger:
        result = simulate(scenario, engine=folders.engine, device=folders.device, ledger=ledger)
    return Outcome(
        point, result.save(folders.out / result.name / result.digest), how="trained", seed=scenario.seed
    )


def _retime(point: Point, folders: SweepFolders) -> Outcome | None:
    from netsim.simulation.result_assembly import HostClock, assemble_result

    host, scenario = HostClock(), point.load()
    with _ledger(folders) as ledger:
        run, _ = runs.retime(scenario, engine=folders.engine, device=folders.device, ledger=ledger)
    if run is None:
        return None
    result = assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)
    return Outcome(
        point, result.save(folders.out / result.name / result.digest), how="re-timed", seed=scenario.seed
    )


def _fill(
    point: Point, timeline: Timeline, metrics: Mapping[bytes, Metrics], folders: SweepFolders
) -> Outcome:
    try:
        manifest = read_manifest(timeline.folder)
        rounds = read_table(timeline.folder, "rounds", timeline.folder.name)
    except ResultError:  # another sweep of the same points was here, and has tidied up
        return _train(point, folders)
    for row, name in timeline.required_models.items():
        rounds.loc[row, list(metrics[name])] = list(metrics[name].values())

    def write(fresh: Path) -> None:
        for file in READY:
            shutil.copyfile(timeline.folder / file, fresh / file)
        write_table(rounds, fresh / "rounds.parquet", timeline.folder.name)
        write_manifest(manifest, fresh / "manifest.json")

    folder = folders.out / str(manifest["name"]) / timeline.folder.name
    check_replaceable(folder, timeline.folder.name)
    replace_folder(folder, write)
    shutil.rmtree(timeline.folder, ignore_errors=True)
    return Outcome(point, folder, how="re-timed", seed=timeline.seed)


@contextmanager
def _ledger(folders: SweepFolders) -> Iterator[Ledger]:
    """The ledger of a place; where it is borrowed, a copy on this host that is brought back whole."""
    if not folders.copies_ledger:
        with closing(Ledger(folders.ledger)) as ledger:
            yield ledger
        return
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _copy_ledger(folders.ledger, here)
        with closing(Ledger(here)) as ledger:
            yield ledger
        _copy_ledger(here, folders.ledger)


def _copy_ledger(source: Path, target: Path) -> None:
    """Closed ledger files, each replaced in one step."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.sqlite") if source.is_dir() else ():
        fresh = target / f".{file.name}.{secrets.token_hex(4)}"
        shutil.copyfile(file, fresh)
        fresh.replace(target / file.name)
