"""Many runs of one scenario: every combination of the sweep's values, one training per distinct trajectory.

All timelines are made first, without training: they name every model. Points whose models have the same
names train once, by the point that runs longest, and the others are re-timed from the ledger. Where message
sizes depend on values no timeline can be made first; such points are grouped by all that learning depends on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from learning.engine import DeviceKind, EngineKind, ValuesNeededError
from learning.ledger import Ledger
from netsim.scenario import Scenario, digest, load
from netsim.simulation import play, simulate

LEDGER = "ledger"
"""The folder beside the runs that all of them share."""

OnPoint = Callable[["Outcome"], None]


@dataclass(frozen=True)
class Point:
    """One run of a sweep: the scenario's file or name, the user's overrides, and this point's own settings."""

    index: int
    scenario: str
    overrides: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The settings in a few words."""
        return ", ".join(f"{path}={value}" for path, value in self.settings.items())

    def load(self) -> Scenario:
        """The point's scenario. Raises ScenarioError."""
        own = [f"{path}={_yaml(value)}" for path, value in self.settings.items()]
        return load(self.scenario, [*self.overrides, *own])


@dataclass(frozen=True)
class Outcome:
    """How a point ended: its run folder, or what went wrong."""

    point: Point
    folder: Path | None
    error: str | None


@dataclass(frozen=True)
class Workplace:
    """Where and how the points of a sweep run."""

    out: Path
    engine: EngineKind = "batched"
    device: DeviceKind = "auto"
    workers: int = 1


def points_of(name: str, overrides: Sequence[str], scenario: Scenario) -> list[Point]:
    """Every combination of the sweep's values, the last axis fastest; the scenario itself without a sweep."""
    axes = [[(path, value) for value in values] for path, values in scenario.sweep.items()]
    combinations = itertools.product(*axes)
    return [Point(i, name, tuple(overrides), dict(chosen)) for i, chosen in enumerate(combinations)]


def run_sweep(points: Sequence[Point], place: Workplace, on_point: OnPoint) -> list[Outcome]:
    """Run all points, each into its own run folder; a point that fails does not stop the others."""
    groups = trajectories(points, place)
    leaders = [group[0] for group in groups]
    followers = [point for group in groups for point in group[1:]]
    outcomes: list[Outcome] = []
    with _pool(place.workers) as pool:
        for stage in (leaders, followers):
            for outcome in _finish(pool, stage, place):
                outcomes.append(outcome)
                on_point(outcome)
    return sorted(outcomes, key=lambda outcome: outcome.point.index)


def trajectories(points: Sequence[Point], place: Workplace) -> list[list[Point]]:
    """Points that train the same models, the longest run first in each group."""
    groups: dict[str, list[tuple[int, Point]]] = {}
    for point in points:
        key, rounds = _trajectory(point, place)
        groups.setdefault(key, []).append((rounds, point))
    return [[point for _, point in sorted(g, key=lambda entry: -entry[0])] for g in groups.values()]


def run_point(point: Point, place: Workplace) -> Outcome:
    """Run one point, in this process, from the ledger where it can be. User errors become the outcome's text."""
    try:
        scenario = point.load()
        ledger = Ledger(place.out / LEDGER)
        try:
            result = simulate(scenario, engine=place.engine, device=place.device, ledger=ledger)
        finally:
            ledger.close()
        return Outcome(point, result.save(place.out / scenario.name / result.digest), None)
    except Exception as error:
        return Outcome(point, None, f"{type(error).__name__}: {error}")


def _trajectory(point: Point, place: Workplace) -> tuple[str, int]:
    """The name of the point's first trained model, which names its trajectory, and its number of rounds."""
    try:
        scenario = point.load()
    except Exception:  # its own run tells what is wrong
        return f"broken {point.index}", 0
    try:
        run = play(scenario, engine=place.engine, device=place.device, values=False)
    except ValuesNeededError:
        learning = scenario.model_copy(update={"network": scenario.network[:0], "energy": None})
        return f"{digest(learning)} {scenario.devices!r}", 0
    except Exception:  # likewise
        return f"broken {point.index}", 0
    first = run.digests[0] if run.digests else b""
    return first.hex(), len(run.digests)


def _finish(pool: Executor | None, stage: Sequence[Point], place: Workplace) -> Iterator[Outcome]:
    if pool is None:
        yield from (run_point(point, place) for point in stage)
        return
    waiting: list[Future[Outcome]] = [pool.submit(run_point, point, place) for point in stage]
    yield from (future.result() for future in as_completed(waiting))


class _pool:  # noqa: N801  # reads as a function: `with _pool(3) as pool`
    """Worker processes, or None for one worker: this process itself."""

    def __init__(self, workers: int) -> None:
        self._executor = (
            ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None
        )

    def __enter__(self) -> Executor | None:
        return self._executor

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)


def _yaml(value: Any) -> str:
    """A value as an override writes it (JSON is YAML)."""
    import json

    return json.dumps(value)
