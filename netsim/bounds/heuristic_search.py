"""Heuristic search: a convex program in (log tau, log mu), rounded, then improved by integer moves; no certificate.

With K for K - 1 and tau for tau - 1 the bound's numerator and 1 - c_G are generalised posynomials, so its
logarithm is convex in the logarithms (theory: section 5e): a majorant, loose only near K = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from netsim.bounds.branch_and_bound import Candidate, PlanningTask, SearchResult, evaluate, full_box
from netsim.bounds.costs import Indices
from netsim.bounds.problem import Floats

ROWS = 6
"""Number of sets of free constants for which the convex program is solved."""
MOVES = 60
"""Maximum number of improvements of an integer point."""


def heuristic_search(task: PlanningTask) -> SearchResult:
    """Return the best point of relaxation and integer moves; its floor is 0 (no certificate)."""
    outcome = SearchResult(None, 0.0, 0)
    for found in descend(task, relaxed_points(task)):
        outcome.visited[(*found.tau, *found.choice, found.share)] = found
        if np.isfinite(found.value) and (outcome.best is None or found.value < outcome.best.value):
            outcome.best = found
    return outcome


def relaxed_points(task: PlanningTask) -> Indices:
    """Integer points [2N + 1, S] near the minima of the convex majorant, one per choice of the free constants."""
    from scipy.optimize import minimize

    low, high = full_box(task)
    N = task.depth
    rows = np.linspace(0, task.rule.free_values.shape[1] - 1, ROWS).astype(int)
    box = [(0.0, float(np.log(most))) for most in high[:N]]
    top = float(np.log(task.rule.largest(task.problem, np.ones(1))[0]))
    if task.rule.rate is None:
        box.append((top - 20.0, top))
    points = [low, np.concatenate([low[: 2 * N], high[2 * N :]])]
    for row in rows:
        start = np.array([min(0.7, edge[1]) for edge in box[:N]] + [top - 4.0] * (len(box) - N))
        found = minimize(
            lambda x, row=row: log_relaxed_bound(task, x, row), start, method="L-BFGS-B", bounds=box
        )
        tau = np.clip(np.rint(np.exp(found.x[:N])), 1, high[:N]).astype(np.int64)
        points.append(np.concatenate([tau, (low[N:] + high[N:] + 1) // 2]))
    return np.stack(points, axis=1)


def log_relaxed_bound(task: PlanningTask, x: Floats, row: int) -> float:
    """log of the relaxed bound at x = (log tau_1 ... log tau_N, log mu), without mu if it is fixed.

    Where the theorem's condition fails the value is a penalty that leads a descent back.
    """
    N = task.depth
    middle = [(len(choices) - 1) // 2 for choices in task.up]
    choice, share = np.array(middle)[:, None], np.array([len(task.shares) - 1])
    tau = np.exp(x[:N])[:, None]
    rate = np.array([task.rule.rate if task.rule.rate is not None else np.exp(x[N])])
    up = task.variances(choice, share)
    terms = task.rule.terms(task.problem, rate, tau, task.rule.free_values[:, [row]], up, None, 0.0)
    contraction = float(np.asarray(terms.contraction).ravel()[0])
    costs = task.costs.least(tau, choice, np.asarray(task.shares)[share])[:, 0]
    first = task.problem.facts.gap / float(rate[0]) * float(np.max(costs / task.budget.limits) / tau.prod())
    floor = float(np.asarray(terms.noise_floor).ravel()[0])
    if contraction < 1e-6:
        return 50.0 + float(np.log(tau).sum() + np.log(rate[0] * task.problem.facts.smoothness))
    return float(np.log(first + floor) - np.log(contraction))


def descend(task: PlanningTask, points: Indices) -> list[Candidate]:
    """Descend greedily from each point by integer moves; return all evaluated points."""
    low, high = full_box(task)
    visited: dict[tuple[int, ...], Candidate] = {}

    def look(columns: list[Indices]) -> list[Candidate]:
        fresh = np.unique(np.stack(columns, axis=1), axis=1)
        found = evaluate(task, fresh)
        visited.update({tuple(p): f for p, f in zip(fresh.T.tolist(), found, strict=True)})
        return found

    for start in points.T:
        here, value = start, look([start])[0].value
        for _ in range(MOVES):
            best = min(look(list(_neighbours(here, low, high, task.depth))))
            if not best.value < value:
                break
            here, value = np.array([*best.tau, *best.choice, best.share]), best.value
    return list(visited.values())


def _neighbours(here: Indices, low: Indices, high: Indices, depth: int) -> Iterator[Indices]:
    """One more or less, twice or half, of one coordinate; twice one with half of another."""

    def moved(changes: dict[int, int]) -> Indices:
        point = here.copy()
        for at, value in changes.items():
            point[at] = min(max(value, low[at]), high[at])
        return point

    for at in range(len(here)):
        yield moved({at: here[at] + 1})
        yield moved({at: here[at] - 1})
    for at in range(depth):
        yield moved({at: 2 * here[at]})
        yield moved({at: here[at] // 2})
    for one, other in itertools.permutations(range(depth), 2):
        yield moved({one: 2 * here[one], other: here[other] // 2})
        yield moved({one: here[one] + 1, other: here[other] - 1})
