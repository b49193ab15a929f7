"""The order of a sweep: survey every point, train one point of each trajectory, re-time the others."""

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
from netsim.sweep.jobs import TIMELINES, Metrics, Surveyed, fill, fresh_start, survey, train
from netsim.sweep.points import LEDGER, Outcome, Point, SweepFolders, learning_of


class SweepListener(Protocol):
    """Who is told how a sweep goes on."""

    def surveyed(self, done: int, points: int) -> None:
        """So many points have their timeline, or are known to need values."""
        ...

    def planned(self, trainings: int, points: int) -> None:
        """All points are surveyed: so many have to be trained at least, of so many still to run."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """A point is done, kept or has failed."""
        ...


def run_sweep(
    points: Sequence[Point], place: SweepFolders, listener: SweepListener, executor: Executor | None = None
) -> list[Outcome]:
    """Run all points, each into its own run folder, and return their outcomes in the points' order.

    First the timelines of all points are made, which name every model they look at. Points whose models are
    among another's are re-timed from it; the longest run of each trajectory trains. Where sizes or stopping
    depend on values there is no timeline before training: the first point of those that learn the same trains,
    the others are re-timed from its ledger, or train where that lacks a value. A point that fails does not
    stop the others, and one whose run folder is there already is kept.
    """
    fresh_start()
    sweep = _Sweep(place, listener, executor or InProcess())
    try:
        sweep.run(points)
    finally:
        sweep.executor.close()
        shutil.rmtree(place.aside / TIMELINES, ignore_errors=True)
    return sorted(sweep.outcomes, key=lambda outcome: outcome.point.index)


Then = Callable[[Any], None]
"""What follows a job: told its answer, or the Outcome of a point whose worker was lost."""


@dataclass
class _Group:
    """Points whose models are among the leader's."""

    leader: Surveyed
    names: frozenset[bytes]
    followers: list[Surveyed] = field(default_factory=list)


@dataclass
class _Sweep:
    """A sweep under way: jobs with the crew, and what follows each of them."""

    place: SweepFolders
    listener: SweepListener
    executor: Executor
    outcomes: list[Outcome] = field(default_factory=list)
    _next: dict[int, tuple[Point, Then]] = field(default_factory=dict)
    _jobs: int = 0

    def run(self, points: Sequence[Point]) -> None:
        """Survey all, then train and re-time."""
        surveys: list[Surveyed] = []

        def surveyed(answer: Surveyed | Outcome) -> None:
            if isinstance(answer, Surveyed):
                surveys.append(answer)
            else:
                self._end(answer)
            self.listener.surveyed(len(points) - len(self._next), len(points))

        for point in points:
            self._do(point, surveyed, survey, self.place)
        self._work()
        self._start(sorted(surveys, key=lambda found: found.point.index))
        self._work()

    def _do(self, point: Point, then: Then, function: Callable[..., Any], *arguments: Any) -> None:
        self._jobs += 1
        self._next[self._jobs] = point, then
        self.executor.put(self._jobs, Job(function, (point, *arguments)))

    def _work(self) -> None:
        while self._next:
            done = self.executor.take()
            point, then = self._next.pop(done.tag)
            then(done.answer if done.error is None else Outcome(point, error=_said(done.error)))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.listener.ended(outcome)

    def _start(self, surveys: Sequence[Surveyed]) -> None:
        """Everything that waits for nothing: known points, the leaders of groups, the first of each blind group."""
        laid_out = [found for found in surveys if found.timeline is not None]
        known = self._known(laid_out)
        groups, ready = _grouped(laid_out, known.keys())
        blind: dict[str, list[Point]] = {}
        for found in surveys:
            if found.timeline is None:
                blind.setdefault(learning_of(found.point.settings), []).append(found.point)
        self.listener.planned(len(groups) + len(blind), len(surveys))
        for group in groups:
            self._lead(group)
        for key, points in blind.items():
            self._lead_blind(points, self._place_of(key))
        for found in ready:
            self._fill(found, known)

    def _lead(self, group: _Group) -> None:
        """Train the leader, then re-time its followers; should it fail, the next one leads."""
        leader, followers = group.leader, group.followers

        def trained(outcome: Outcome) -> None:
            self._end(outcome)
            if outcome.folder is not None:
                known = _metrics(outcome.folder, leader)
                self._keep(known)
                for follower in followers:
                    self._fill(follower, known)
            elif followers:
                self._lead(_Group(followers[0], group.names, followers[1:]))

        self._do(leader.point, trained, train, self._place_of(learning_of(leader.point.settings)))

    def _fill(self, found: Surveyed, known: Mapping[bytes, Metrics]) -> None:
        assert found.timeline is not None
        wanted = list(found.timeline.wanted.values())
        if all(name in known for name in wanted) and not self._ended_early(
            [known[name]["loss"] for name in wanted]
        ):
            needed = {name: known[name] for name in wanted}
            self._do(found.point, self._end, fill, found.timeline, needed, self.place)
        else:  # its leader diverged and ended early, and so will it: as it runs, from what the ledger knows
            self._do(found.point, self._end, train, self._place_of(learning_of(found.point.settings)))

    def _ended_early(self, losses: Sequence[float]) -> bool:
        """Whether a run with these losses stops before its timeline does."""
        return self.place.engine != "timing" and any(has_diverged(loss, losses[0]) for loss in losses)

    def _lead_blind(self, points: Sequence[Point], place: SweepFolders, patient: bool = True) -> None:
        """Train the first point and re-time the others from its ledger.

        Where that lacks a value, perhaps as the first was cut short, the next one trains; where it lacks one
        again their models differ, and all of them train.
        """
        left: list[Point] = []
        open_points = list(points[1:])

        def retime(point: Point, answer: Outcome | None) -> None:
            open_points.remove(point)
            if answer is None:
                left.append(point)
            else:
                self._end(answer)
            if open_points or not left:
                return
            if patient:
                self._lead_blind(left, place, patient=False)
            else:
                for one in left:
                    self._do(one, self._end, train, place)

        def trained(outcome: Outcome) -> None:
            self._end(outcome)
            for point in points[1:]:
                self._do(point, partial(retime, point), retime, place)

        self._do(points[0], trained, train, place)

    def _place_of(self, key: str) -> SweepFolders:
        """Where points that learn the same run: a borrowed ledger is theirs alone."""
        if not self.place.borrow:
            return self.place
        name = blake2b(key.encode(), digest_size=8).hexdigest()
        return replace(self.place, ledger=self.place.aside / LEDGER / name)

    def _known(self, surveys: Sequence[Surveyed]) -> dict[bytes, Metrics]:
        """What the ledger knows of the models that the points look at."""
        names = {name for found in surveys if found.timeline for name in found.timeline.wanted.values()}
        with closing(Ledger(self.place.ledger)) as ledger:
            found = {name: ledger.metrics(name) for name in names}
        return {name: metrics for name, metrics in found.items() if metrics is not None}

    def _keep(self, known: Mapping[bytes, Metrics]) -> None:
        """Enter into the ledger what a borrowed copy learned."""
        if self.place.borrow:
            with closing(Ledger(self.place.ledger)) as ledger:
                for name, metrics in known.items():
                    ledger.put_metrics(name, metrics)


def _grouped(surveys: Sequence[Surveyed], known: Set[bytes]) -> tuple[list[_Group], list[Surveyed]]:
    """Groups led by their longest run, and the points of which everything is known already."""
    groups: list[_Group] = []
    ready: list[Surveyed] = []
    by_name: dict[bytes, list[_Group]] = {}
    for found in sorted(surveys, key=lambda s: -len(_wanted(s))):
        names = frozenset(_wanted(found))
        if names <= known:
            ready.append(found)
            continue
        last = _wanted(found)[-1]
        group = next((g for g in by_name.get(last, []) if names <= g.names), None)
        if group is not None:
            group.followers.append(found)
            continue
        groups.append(_Group(found, names))
        for name in names:
            by_name.setdefault(name, []).append(groups[-1])
    return groups, ready


def _wanted(found: Surveyed) -> list[bytes]:
    return list(found.timeline.wanted.values()) if found.timeline else []


def _metrics(folder: Path, leader: Surveyed) -> dict[bytes, Metrics]:
    """What a finished run tells of the models that its timeline names."""
    rounds = read_table(folder, "rounds", str(read_manifest(folder)["digest"]))
    kept = [name for name in METRICS if name in rounds]
    rows = zip(*(rounds[name].tolist() for name in kept), strict=True)
    by_row = [dict(zip(kept, row, strict=True)) for row in rows]
    assert leader.timeline is not None
    return {name: by_row[row] for row, name in leader.timeline.wanted.items() if row < len(by_row)}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
