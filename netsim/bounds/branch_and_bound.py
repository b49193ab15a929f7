"""Exact branch and bound over integer tau (and quantization choices), with a certificate.

Boxes of integers are split at the log-widest coordinate, the least floor first. In a box the local steps
until the deadline are at most what the cheapest corner allows, N_0 is at least that of the low corner and
c_G at most (theory: section 5): their combination, minimised over mu and the free constants, is a floor.
The certificate says that no plan has a value below it: relative to the finite table of free constants
(each valid), the model of costs, floating point, and rates above 1e-10 of the largest admissible one.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from netsim.bounds.costs import Budget, Costs, Indices
from netsim.bounds.learning_rate import BoundRule, Goal, minimise
from netsim.bounds.problem import Floats, Problem

BATCH = 64
"""Boxes split at a time."""
MAX_TAU = 2**20
"""Largest tau if neither theorem nor budget limits it."""
MAX_BOXES = 400_000
"""Maximum number of boxes; the search then stops with its current gap, and the certificate stays valid."""


@dataclass(frozen=True)
class PlanningTask:
    """A planning task: a learning problem with alternatives, costs of rounds, a budget and a goal.

    `up[n-1]` are the q_n of layer n's alternatives, falling, in the order of the costs' rising sizes; a single
    one means nothing is chosen there. `shares` are the fractions of devices that may take part, rising: with
    pi of them q_1 becomes (1 + q_1)/pi - 1.
    """

    problem: Problem
    costs: Costs
    budget: Budget
    rule: BoundRule
    goal: Goal = field(default_factory=Goal)
    up: tuple[tuple[float, ...], ...] = ()
    shares: tuple[float, ...] = (1.0,)
    most: int = MAX_TAU
    """The largest tau that is considered."""

    def __post_init__(self) -> None:
        if not self.up:
            object.__setattr__(self, "up", tuple((q,) for q in self.problem.up))
        for n, choices in enumerate(self.up, start=1):
            if any(a < b for a, b in itertools.pairwise(choices)):
                raise ValueError(f"layer {n}: variances must fall with the message size, got {choices}")

    @property
    def depth(self) -> int:
        """N."""
        return self.problem.tree.depth

    def variances(self, choice: Indices, share: Indices) -> Floats:
        """q_n [N, B] of uplink choices [N, B] and share indices [B]."""
        q = np.stack([np.asarray(row)[at] for row, at in zip(self.up, choice, strict=True)])
        pi = np.asarray(self.shares)[share]
        q[0] = (1.0 + q[0]) / pi - 1.0
        return q

    def split(self, points: Indices) -> tuple[Floats, Indices, Indices]:
        """Coordinates [2N + 1, B] as tau [N, B], choices [N, B], share indices [B]."""
        N = self.depth
        return points[:N].astype(np.float64), points[N : 2 * N], points[2 * N]


class Candidate(NamedTuple):
    """A point with its value: the bound after `rounds` rounds, or the seconds to the target."""

    value: float
    tau: tuple[int, ...]
    choice: tuple[int, ...]
    share: int
    rate: float
    rounds: int


@dataclass
class SearchResult:
    """The best point, the certificate, and all evaluated points."""

    best: Candidate | None
    floor: float
    """No point has a smaller value."""
    boxes: int
    visited: dict[tuple[int, ...], Candidate] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """(value - floor) / value; 0 is proved optimal."""
        if self.best is None:
            return 0.0
        return max(0.0, 1.0 - self.floor / self.best.value)

    @property
    def ranked(self) -> list[Candidate]:
        """All evaluated points with a finite value, best first."""
        return sorted(found for found in self.visited.values() if np.isfinite(found.value))


def evaluate(task: PlanningTask, points: Indices) -> list[Candidate]:
    """Return the value of each point [2N + 1, B]; infinite where theorem or budget exclude it."""
    tau, choice, share = task.split(points)
    up, pi = task.variances(choice, share), np.asarray(task.shares)[share]
    amounts = task.costs.rounds(tau, choice, pi)
    allowed = task.budget.allowed(amounts)
    steps = tau.prod(axis=0)
    done = np.maximum(allowed, 1.0) * steps
    found = minimise(task.problem, task.rule, task.goal, tau, up, done)
    value, rounds = found.value, allowed
    if task.goal.target is not None:
        rounds = np.ceil(found.value / steps * (1 - 1e-12))
        late = ~(rounds <= allowed)
        value = amounts.first[0] + (np.where(late, 1.0, rounds) - 1) * amounts.later[0]
        value = np.where(late, np.inf, value)
    value = np.where(allowed >= 1, value, np.inf)
    N = task.depth
    return [
        Candidate(
            float(v), tuple(p[:N]), tuple(p[N : 2 * N]), p[2 * N], float(r), int(t) if np.isfinite(v) else 0
        )
        for v, p, r, t in zip(value, points.T.tolist(), found.rate, rounds, strict=True)
    ]


def lower_bounds(task: PlanningTask, low: Indices, high: Indices, enough: float = np.inf) -> Floats:
    """Return a lower bound of the values in each box [low, high] (corners [2N + 1, B], inclusive)."""
    tau, cheap, fewest = task.split(low)
    far, exact, most = task.split(high)
    pi = np.asarray(task.shares)[fewest]
    amounts = task.costs.rounds(tau, cheap, pi)
    rounds, steps = task.budget.allowed(amounts), far.prod(axis=0)
    slow = task.costs.least(far, cheap, pi)
    extra = np.maximum(amounts.later - amounts.first, 0.0)
    with np.errstate(invalid="ignore"):
        relaxed = ((task.budget.limits[:, None] + extra) / np.maximum(slow, 1e-300)).min(axis=0) * steps
    done = np.minimum(np.where(rounds >= 1, rounds, 0.0) * steps, np.maximum(relaxed, steps))
    up = task.variances(exact, most)
    limit = enough if task.goal.target is None else np.inf
    found = minimise(task.problem, task.rule, task.goal, tau, up, np.maximum(done, 1.0), steps, limit)
    floor = found.floor
    if task.goal.target is not None:
        fewest_rounds = np.ceil(found.floor / steps * (1 - 1e-12))
        late = ~(fewest_rounds <= rounds) | (found.floor > done * (1 + 1e-9))
        short = amounts.first[0] + (np.where(late, 1.0, fewest_rounds) - 1) * amounts.later[0]
        floor = np.where(late, np.inf, np.maximum(floor * slow[0] / steps - extra[0], short))
    return np.where(rounds >= 1, floor, np.inf)


def search(
    task: PlanningTask, start: Indices | None = None, tolerance: float = 1e-3, max_boxes: int = MAX_BOXES
) -> SearchResult:
    """Minimise over all integer points; ends when (value - floor) / value <= tolerance, or after `max_boxes`.

    Args:
        task: what is minimised.
        start: points [2N + 1, S] to begin with, e.g. of `netsim.bounds.heuristic_search.relaxed`; they only save time.
        tolerance: relative gap that is good enough.
        most_boxes: boxes looked at before it gives up proving.
    """
    low, high = full_box(task)
    outcome = SearchResult(None, np.inf, 1)
    _add_visited(outcome, evaluate(task, low[:, None]))
    if start is not None and start.size:
        _add_visited(outcome, evaluate(task, start))
    heap: list[tuple[float, int, Indices, Indices]] = []
    ticket = itertools.count()
    floor = float(lower_bounds(task, low[:, None], high[:, None])[0])
    heapq.heappush(heap, (floor, next(ticket), low, high))
    left = np.inf
    """The smallest lower bound among closed boxes."""
    while heap:
        best = outcome.best.value if outcome.best else np.inf
        if heap[0][0] >= best * (1 - tolerance) or outcome.boxes >= max_boxes:
            break
        some = [heapq.heappop(heap) for _ in range(min(BATCH, len(heap)))]
        halves = [half for _, _, a, b in some for half in _halves(a, b, task.depth)]
        if not halves:
            left = min(left, min(entry[0] for entry in some))
            continue
        single = [entry[0] for entry in some if (entry[2] == entry[3]).all()]
        left = min([left, *single])
        lows, highs = (np.stack([half[side] for half in halves], axis=1) for side in (0, 1))
        parents = np.array([e[0] for e in some for _ in _halves(e[2], e[3], task.depth)])
        outcome.boxes += len(halves)
        _add_visited(
            outcome, evaluate(task, np.concatenate([lows, _middles(lows, highs, task.depth)], axis=1))
        )
        best = outcome.best.value if outcome.best else np.inf
        values = np.maximum(lower_bounds(task, lows, highs, best), parents)
        for value, a, b in zip(values.tolist(), lows.T, highs.T, strict=True):
            if value < best * (1 - tolerance):
                heapq.heappush(heap, (value, next(ticket), a, b))
            else:
                left = min(left, value)
    outcome.floor = min([left, *(entry[0] for entry in heap[:1])])
    if outcome.best is not None:
        outcome.floor = min(outcome.floor, outcome.best.value)
    return outcome


def full_box(task: PlanningTask) -> tuple[Indices, Indices]:
    """Return the box of all points: every tau up to what theorem or budget allow with all other taus 1."""
    N = task.depth
    low = np.array([1] * N + [0] * (N + 1))
    high = np.array([1] * N + [len(row) - 1 for row in task.up] + [len(task.shares) - 1])
    for n in range(N):
        high[n] = _largest(task, low, n)
    return low, high


def _largest(task: PlanningTask, low: Indices, n: int) -> int:
    """Return the largest tau_n for which a round fits the budget, and K the theorem, with all else cheapest."""
    last = task.most
    if task.rule.rate is not None and not task.rule.ranking:
        cap = 1.0 / (task.rule.rate * task.problem.facts.smoothness)
        last = int(min(last, max(1.0, cap * (1 + 1e-12))))
    least_bad = last + 1
    good = 1
    while good + 1 < least_bad:
        middle = (good + least_bad) // 2
        point = low.copy()
        point[n] = middle
        tau, choice, share = task.split(point[:, None])
        amounts = task.costs.rounds(tau, choice, np.asarray(task.shares)[share])
        good, least_bad = (middle, least_bad) if task.budget.allowed(amounts)[0] >= 1 else (good, middle)
    return good


def _halves(low: Indices, high: Indices, depth: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield two boxes that cover this one, cut at the widest coordinate (tau by logarithm); none for a point."""
    widths = np.concatenate([np.log(high[:depth] / low[:depth]), 0.7 * (high[depth:] - low[depth:])])
    at = int(widths.argmax())
    if low[at] == high[at]:
        return
    middle = _middle(int(low[at]), int(high[at]), at < depth)
    upper, lower = high.copy(), low.copy()
    upper[at], lower[at] = middle, middle + 1
    yield low, upper
    yield lower, high


def _middle(low: int, high: int, geometric: bool) -> int:
    found = int((low * high) ** 0.5) if geometric else (low + high) // 2
    return min(max(found, low), high - 1)


def _middles(low: Indices, high: Indices, depth: int) -> Indices:
    tau = np.sqrt(low[:depth].astype(np.float64) * high[:depth]).astype(np.int64)
    return np.concatenate([tau, (low[depth:] + high[depth:] + 1) // 2])


def _add_visited(outcome: SearchResult, points: list[Candidate]) -> None:
    for found in points:
        key = (*found.tau, *found.choice, found.share)
        outcome.visited[key] = found
        if np.isfinite(found.value) and (outcome.best is None or found.value < outcome.best.value):
            outcome.best = found
