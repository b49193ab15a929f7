"""What workers do: lay out a point's timeline, run the point, or put known values into its timeline."""

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
    is_complete,
    read_manifest,
    read_table,
    refuse_strangers,
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
"""Below a sweep's folder: runs laid out that still lack their values."""

READY = ("scenario.yaml", "messages.parquet", "nodes.parquet")
"""Files of a timeline that hold no value: they are the run's own."""

T = TypeVar("T")
Metrics = Mapping[str, float]
"""Accuracy and loss of a model, nan where the task has none; how many updates were rejected, where that counts."""

_task_cache = TaskCache()
"""What this process keeps from job to job: data sets and tasks, the same for many points."""


@dataclass(frozen=True)
class Timeline:
    """A run laid out without its values, in a run folder of its own: which models it looks at, and in which rows."""

    folder: Path
    """Its name is the run's digest."""
    seed: int
    wanted: Mapping[int, bytes]
    """Row of the rounds table -> name of the model whose metrics belong there."""


@dataclass(frozen=True)
class Surveyed:
    """A point before it is run: its timeline; None where sizes or stopping need values."""

    point: Point
    timeline: Timeline | None


def fresh_start() -> None:
    """Forget what this process keeps from job to job; files may have changed since."""
    global _task_cache
    _task_cache = TaskCache()


def survey(point: Point, place: SweepFolders) -> Surveyed | Outcome:
    """The point's timeline, or its outcome where its run folder is there already, or where it cannot run."""
    return _told(point, lambda: _survey(point, place))


def train(point: Point, place: SweepFolders) -> Outcome:
    """Run the point, from the ledger where every value is known, else with training."""
    return _told(point, lambda: _train(point, place))


def retime(point: Point, place: SweepFolders) -> Outcome | None:
    """Run the point from the ledger alone; None where a value is missing."""
    return _told(point, lambda: _retime(point, place))


def fill(point: Point, timeline: Timeline, metrics: Mapping[bytes, Metrics], place: SweepFolders) -> Outcome:
    """Put the metrics of its models, by name, into a point's timeline: byte for byte the run's own tables."""
    return _told(point, lambda: _fill(point, timeline, metrics, place))


def _told(point: Point, job: Callable[[], T]) -> T | Outcome:
    """The job's answer; whatever goes wrong with one point becomes its outcome."""
    try:
        with use_task_cache(_task_cache):
            return job()
    except Exception as error:
        text = str(error) if isinstance(error, ScenarioError) else f"{type(error).__name__}: {error}"
        return Outcome(point, error=text)


def _survey(point: Point, place: SweepFolders) -> Surveyed | Outcome:
    from netsim.simulation.result_assembly import HostClock, assemble_result, run_digest

    host, scenario = HostClock(), point.load()
    task = build_task(scenario, grow(scenario))
    numerics = resolve_numerics(place.engine, place.device, scenario.precision, task)
    digest = run_digest(scenario, task, numerics)
    folder = place.out / scenario.name / digest
    if is_complete(folder, digest):
        return Outcome(point, folder, how="kept", seed=scenario.seed)
    if scenario.stop.target_accuracy is not None or needs_values(scenario):
        return Surveyed(point, None)
    try:
        run = execute(scenario, engine=place.engine, device=place.device, values=False)
    except ValuesNeededError:
        return Surveyed(point, None)
    laid_out = assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)
    aside = place.aside / TIMELINES / digest
    aside.mkdir(parents=True, exist_ok=True)
    laid_out.write(aside)
    return Surveyed(point, Timeline(aside, scenario.seed, _wanted(scenario, run)))


def _wanted(scenario: Scenario, run: Run) -> dict[int, bytes]:
    """The models that a run scores: the initial one, every `every`-th, that of the last round."""
    start = (
        Engine(digest_root(run.task, run.numerics), scenario.seed, run.task.dim, finite=scenario.finite)
        .initial_model()
        .digest
    )
    last = len(run.digests)
    due = [k for k in range(1, last + 1) if k % scenario.evaluate.every == 0 or k == last]
    return {0: start, **{k: run.digests[k - 1] for k in due}}


def _train(point: Point, place: SweepFolders) -> Outcome:
    known = _retime(point, place)
    if known is not None:
        return known
    scenario = point.load()
    with _ledger(place) as ledger:
        result = simulate(scenario, engine=place.engine, device=place.device, ledger=ledger)
    return Outcome(
        point, result.save(place.out / result.name / result.digest), how="trained", seed=scenario.seed
    )


def _retime(point: Point, place: SweepFolders) -> Outcome | None:
    from netsim.simulation.result_assembly import HostClock, assemble_result

    host, scenario = HostClock(), point.load()
    with _ledger(place) as ledger:
        run, _ = runs.retime(scenario, engine=place.engine, device=place.device, ledger=ledger)
    if run is None:
        return None
    result = assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)
    return Outcome(
        point, result.save(place.out / result.name / result.digest), how="re-timed", seed=scenario.seed
    )


def _fill(point: Point, timeline: Timeline, metrics: Mapping[bytes, Metrics], place: SweepFolders) -> Outcome:
    try:
        manifest = read_manifest(timeline.folder)
        rounds = read_table(timeline.folder, "rounds", timeline.folder.name)
    except ResultError:  # another sweep of the same points was here, and has tidied up
        return _train(point, place)
    for row, name in timeline.wanted.items():
        rounds.loc[row, list(metrics[name])] = list(metrics[name].values())

    def write(fresh: Path) -> None:
        for file in READY:
            shutil.copyfile(timeline.folder / file, fresh / file)
        write_table(rounds, fresh / "rounds.parquet", timeline.folder.name)
        write_manifest(manifest, fresh / "manifest.json")

    folder = place.out / str(manifest["name"]) / timeline.folder.name
    refuse_strangers(folder, timeline.folder.name)
    replace_folder(folder, write)
    shutil.rmtree(timeline.folder, ignore_errors=True)
    return Outcome(point, folder, how="re-timed", seed=timeline.seed)


@contextmanager
def _ledger(place: SweepFolders) -> Iterator[Ledger]:
    """The ledger of a place; where it is borrowed, a copy on this host that is brought back whole."""
    if not place.borrow:
        with closing(Ledger(place.ledger)) as ledger:
            yield ledger
        return
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        _copy_ledger(place.ledger, here)
        with closing(Ledger(here)) as ledger:
            yield ledger
        _copy_ledger(here, place.ledger)


def _copy_ledger(source: Path, target: Path) -> None:
    """Closed ledger files, each replaced in one step."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.sqlite") if source.is_dir() else ():
        fresh = target / f".{file.name}.{secrets.token_hex(4)}"
        shutil.copyfile(file, fresh)
        fresh.replace(target / file.name)
