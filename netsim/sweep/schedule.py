"""Schedule of a sweep: timelines of all points, training of one point per trajectory, re-timing of the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from learning.store.ledger import METRICS, Ledger
from netsim.results.run_folder import read_manifest, read_table
from netsim.simulation.run_state import has_diverged
from netsim.sweep.executors import Executor, InProcess, Job
from netsim.sweep.jobs import (
    TIMELINES,
    Metrics,
    TimedPoint,
    clear_shared_data,
    compute_timeline,
    fill_timeline,
    retime,
    train,
)
from netsim.sweep.points import LEDGER, Outcome, Point, SweepFolders, learning_key


class SweepListener(Protocol):
    """Receives the progress of a sweep."""

    def timelines_done(self, done: int, points: int) -> None:
        """Called when a point has its timeline, or is known to need values."""
        ...

    def planned(self, trainings: int, points: int) -> None:
        """Called after all timelines: the minimum number of trainings, and the number of points to run."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """Called when a point is done, was done before, or has failed."""
        ...


def run_sweep(
    points: Sequence[Point], folders: SweepFolders, listener: SweepListener, executor: Executor | None = None
) -> list[Outcome]:
    """Run all points, each into its own run folder, and return their outcomes in the points' order.

    First the timelines of all points are computed, with the digests of the models that they evaluate. Points whose
    models are among those of another are re-timed from it; the longest run of each trajectory trains. If sizes or
    stopping depend on values, there is no timeline before training: the first of the points with equal learning
    trains, the others are re-timed from its ledger, or train if it lacks a value. A failed point does not stop the
    others, and an existing run folder is kept.
    """
    clear_shared_data()
    sweep = _Sweep(folders, listener, executor or InProcess())
    try:
        sweep.run(points)
    finally:
        sweep.executor.close()
        shutil.rmtree(folders.sweep_folder / TIMELINES, ignore_errors=True)
    return sorted(sweep.outcomes, key=lambda outcome: outcome.point.index)


Continuation = Callable[[Any], None]
"""Called with the result of a job, or the Outcome of a point whose worker died."""


@dataclass
class _Group:
    """Points whose models are among those of the leader."""

    leader: TimedPoint
    names: frozenset[bytes]
    followers: list[TimedPoint] = field(default_factory=list)


@dataclass
class _Sweep:
    """A running sweep: submitted jobs and the continuation of each."""

    folders: SweepFolders
    listener: SweepListener
    executor: Executor
    outcomes: list[Outcome] = field(default_factory=list)
    _next: dict[int, tuple[Point, Continuation]] = field(default_factory=dict)
    _jobs: int = 0

    def run(self, points: Sequence[Point]) -> None:
        """Compute all timelines, then train and re-time."""
        timed_points: list[TimedPoint] = []

        def timelines_done(answer: TimedPoint | Outcome) -> None:
            if isinstance(answer, TimedPoint):
                timed_points.append(answer)
            else:
                self._end(answer)
            self.listener.timelines_done(len(points) - len(self._next), len(points))

        for point in points:
            self._submit(point, timelines_done, compute_timeline, self.folders)
        self._process_jobs()
        self._start(sorted(timed_points, key=lambda found: found.point.index))
        self._process_jobs()

    def _submit(
        self, point: Point, continuation: Continuation, function: Callable[..., Any], *arguments: Any
    ) -> None:
        self._jobs += 1
        self._next[self._jobs] = point, continuation
        self.executor.put(self._jobs, Job(function, (point, *arguments)))

    def _process_jobs(self) -> None:
        while self._next:
            done = self.executor.take()
            point, continuation = self._next.pop(done.tag)
            continuation(done.answer if done.error is None else Outcome(point, error=_error_text(done.error)))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.listener.ended(outcome)

    def _start(self, timed_points: Sequence[TimedPoint]) -> None:
        """Submit all jobs without dependencies: known points, leaders of groups, the first of each group without
        timeline."""
        laid_out = [found for found in timed_points if found.timeline is not None]
        known = self._known(laid_out)
        groups, ready = _group_points(laid_out, known.keys())
        untimed: dict[str, list[Point]] = {}
        for found in timed_points:
            if found.timeline is None:
                untimed.setdefault(learning_key(found.point.settings), []).append(found.point)
        self.listener.planned(len(groups) + len(untimed), len(timed_points))
        for group in groups:
            self._train_leader(group)
        for key, points in untimed.items():
            self._train_without_timeline(points, self._folders_for(key))
        for found in ready:
            self._fill(found, known)

    def _train_leader(self, group: _Group) -> None:
        """Train the leader, then re-time its followers; if it fails, the next point becomes the leader."""
        leader, followers = group.leader, group.followers

        def trained(outcome: Outcome) -> None:
            self._end(outcome)
            if outcome.folder is not None:
                known = _metrics(outcome.folder, leader)
                self._store(known)
                for follower in followers:
                    self._fill(follower, known)
            elif followers:
                self._train_leader(_Group(followers[0], group.names, followers[1:]))

        self._submit(leader.point, trained, train, self._folders_for(learning_key(leader.point.settings)))

    def _fill(self, found: TimedPoint, known: Mapping[bytes, Metrics]) -> None:
        assert found.timeline is not None
        required_models = list(found.timeline.required_models.values())
        if all(name in known for name in required_models) and not self._ended_early(
            [known[name]["loss"] for name in required_models]
        ):
            needed = {name: known[name] for name in required_models}
            self._submit(found.point, self._end, fill_timeline, found.timeline, needed, self.folders)
        else:  # the leader diverged and ended early, as this point will: run it, with values from the ledger
            self._submit(found.point, self._end, train, self._folders_for(learning_key(found.point.settings)))

    def _ended_early(self, losses: Sequence[float]) -> bool:
        """Return whether a run with these losses stops before its timeline ends."""
        return self.folders.engine != "timing" and any(has_diverged(loss, losses[0]) for loss in losses)

    def _train_without_timeline(
        self, points: Sequence[Point], folders: SweepFolders, may_retry: bool = True
    ) -> None:
        """Train the first point and re-time the others from its ledger.

        If it lacks a value, because the first point ended early for example, the next one trains; if one is lacking
        again, the models differ, and all remaining points train.
        """
        left: list[Point] = []
        open_points = list(points[1:])

        def on_retimed(point: Point, answer: Outcome | None) -> None:
            open_points.remove(point)
            if answer is None:
                left.append(point)
            else:
                self._end(answer)
            if open_points or not left:
                return
            if may_retry:
                self._train_without_timeline(left, folders, may_retry=False)
            else:
                for one in left:
                    self._submit(one, self._end, train, folders)

        def trained(outcome: Outcome) -> None:
            self._end(outcome)
            for point in points[1:]:
                self._submit(point, partial(on_retimed, point), retime, folders)

        self._submit(points[0], trained, train, folders)

    def _folders_for(self, key: str) -> SweepFolders:
        """Return the folders for points with equal learning: a copied ledger is used by them only."""
        if not self.folders.copies_ledger:
            return self.folders
        name = blake2b(key.encode(), digest_size=8).hexdigest()
        return replace(self.folders, ledger=self.folders.sweep_folder / LEDGER / name)

    def _known(self, timed_points: Sequence[TimedPoint]) -> dict[bytes, Metrics]:
        """Return the metrics in the ledger of the models that the points evaluate."""
        names = {
            name
            for found in timed_points
            if found.timeline
            for name in found.timeline.required_models.values()
        }
        with closing(Ledger(self.folders.ledger)) as ledger:
            found = {name: ledger.metrics(name) for name in names}
        return {name: metrics for name, metrics in found.items() if metrics is not None}

    def _store(self, known: Mapping[bytes, Metrics]) -> None:
        """Store the values of a copied ledger in the main ledger."""
        if self.folders.copies_ledger:
            with closing(Ledger(self.folders.ledger)) as ledger:
                for name, metrics in known.items():
                    ledger.put_metrics(name, metrics)


def _group_points(
    timed_points: Sequence[TimedPoint], known: Set[bytes]
) -> tuple[list[_Group], list[TimedPoint]]:
    """Return groups led by their longest run, and points whose values are all known."""
    groups: list[_Group] = []
    ready: list[TimedPoint] = []
    by_name: dict[bytes, list[_Group]] = {}
    for found in sorted(timed_points, key=lambda s: -len(_required_models(s))):
        names = frozenset(_required_models(found))
        if names <= known:
            ready.append(found)
            continue
        last = _required_models(found)[-1]
        group = next((g for g in by_name.get(last, []) if names <= g.names), None)
        if group is not None:
            group.followers.append(found)
            continue
        groups.append(_Group(found, names))
        for name in names:
            by_name.setdefault(name, []).append(groups[-1])
    return groups, ready


def _required_models(found: TimedPoint) -> list[bytes]:
    return list(found.timeline.required_models.values()) if found.timeline else []


def _metrics(folder: Path, leader: TimedPoint) -> dict[bytes, Metrics]:
    """Return the metrics of the models in the timeline of a finished run."""
    rounds = read_table(folder, "rounds", str(read_manifest(folder)["digest"]))
    kept = [name for name in METRICS if name in rounds]
    rows = zip(*(rounds[name].tolist() for name in kept), strict=True)
    by_row = [dict(zip(kept, row, strict=True)) for row in rows]
    assert leader.timeline is not None
    return {name: by_row[row] for row, name in leader.timeline.required_models.items() if row < len(by_row)}


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
