"""Map of the bound over two taus, and random feasible taus for comparison."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from netsim.bounds.bound import first_order
from netsim.bounds.branch_and_bound import Candidate, PlanningTask, evaluate, full_box
from netsim.bounds.costs import Indices
from netsim.bounds.learning_rate import Goal
from netsim.planner.planner import Planned

GRID = 20_000
"""Maximum number of points of the logarithmic grid."""


def scan(
    done: Planned, first: int, second: int, most: int = 24
) -> tuple[list[int], list[int], list[list[float | None]]]:
    """The bound over two taus (layer indices from 0), all else as in the best plan: axes and values [second][first]."""
    best, N = done.point(done.plans[0]), done.setting.depth
    axes = []
    for n in (first, second):
        top = max(8, 4 * int(best[n]))
        axes.append(sorted({int(x) for x in np.rint(np.geomspace(1, top, most))}))
    points = np.array([[*best] for _ in axes[1] for _ in axes[0]]).T
    points[first] = np.tile(axes[0], len(axes[1]))
    if N > 1:
        points[second] = np.repeat(axes[1], len(axes[0]))
    values = [found.value if np.isfinite(found.value) else None for found in evaluate(done.task, points)]
    rows = [values[k : k + len(axes[0])] for k in range(0, len(values), len(axes[0]))]
    return axes[0], axes[1], rows


def random_points(done: Planned, count: int, seed: int) -> list[Candidate]:
    """Distinct feasible points with log-uniform tau, the rate chosen as for the plan: what a plan is compared with."""
    high = full_box(ranking_task(done))[1]
    generator, N = np.random.default_rng(seed), done.setting.depth
    found: dict[tuple[int, ...], Candidate] = {}
    for _ in range(200):
        logs = generator.uniform(0, np.log(high[:N] + 1)[:, None], (N, 64))
        tau = np.minimum(np.exp(logs).astype(np.int64), high[:N, None])
        rest = np.repeat(done.point(done.plans[0])[N:, None], 64, axis=1)
        some = evaluate(ranking_task(done), np.concatenate([tau, rest]))
        found |= {one.tau: one for one in some if np.isfinite(one.value) and one.tau not in found}
        if len(found) >= count:
            break
    return list(found.values())[:count]


def ranking_task(done: Planned) -> PlanningTask:
    """The plan's task, with a fixed rate judged by the first order: points within the budget are feasible."""
    rule = done.task.rule
    return (
        done.task if rule.rate is None else replace(done.task, rule=replace(rule, ranking=True), goal=Goal())
    )


def best_per_octave(done: Planned) -> list[Candidate]:
    """Return the best point of each octave of K, the local steps per global round; see `rank_leniently`."""
    tau = _grid(done)
    rest = np.repeat(done.point(done.plans[0])[done.setting.depth :, None], tau.shape[1], axis=1)
    octave = np.log2(tau.prod(axis=0) + 0.5).astype(int)
    found = rank_leniently(done, np.concatenate([tau, rest]))
    best: dict[int, Candidate] = {}
    for at, one in sorted(zip(octave.tolist(), found, strict=True)):
        if np.isfinite(one.value):
            best.setdefault(at, one)
    return list(best.values())


def neighbours(done: Planned, tau: Sequence[int]) -> list[Candidate]:
    """Neighbours of a tau that fit, best first: one tau x 1.5 or / 1.5, or one doubled and another halved."""
    N, high = done.setting.depth, full_box(ranking_task(done))[1][: done.setting.depth]
    here = np.array(tau)
    moves = [{n: f} for n in range(N) for f in (1.5, 1 / 1.5)]
    moves += [{a: 2.0, b: 0.5} for a, b in itertools.permutations(range(N), 2)]
    scaled = [[here[n] * move.get(n, 1.0) for n in range(N)] for move in moves]
    near = np.clip(np.rint(np.array(scaled)), 1, high).astype(np.int64)
    fresh = np.unique(near[(near != here).any(axis=1)], axis=0).T
    rest = np.repeat(done.point(done.plans[0])[N:, None], fresh.shape[1], axis=1)
    return sorted(
        one for one in rank_leniently(done, np.concatenate([fresh, rest])) if np.isfinite(one.value)
    )


def rank_leniently(done: Planned, points: Indices) -> list[Candidate]:
    """Evaluate points as if L were small enough for Theorem 1 to hold at their own K: at most 1 / (2 mu K).

    Worst-case constants bound K by 1 / (mu L) and less, where real training is often better with more. The
    bounds order the splits of K over the layers, and the costs of rounds, better than the size of K. Heuristic,
    own derivation. Where the rate is chosen it adapts to K, and the true L is kept.
    """
    task = replace(done.task, goal=Goal())
    if task.rule.rate is None:
        return evaluate(task, points)
    tau, choice, share = task.split(points)
    amounts = task.costs.rounds(tau, choice, np.asarray(task.shares)[share])
    rounds, problem, rate = task.budget.allowed(amounts), task.problem, task.rule.rate
    lam = np.minimum(rate * problem.facts.smoothness, 0.5 / tau.prod(axis=0))
    terms = first_order(problem, lam, list(tau), list(task.variances(choice, share)))
    worth = np.asarray(terms.value(rate, np.maximum(rounds, 1.0), problem.facts.gap))
    worth = np.where(rounds >= 1, worth, np.inf)
    judged = evaluate(ranking_task(done), points)
    return [one._replace(value=float(value)) for one, value in zip(judged, worth, strict=True)]


def _grid(done: Planned) -> Indices:
    """Taus 1, 2, 3, 4, 6, 8, 12, ... [N, M], all of them or GRID random ones."""
    N = done.setting.depth
    high = full_box(ranking_task(done))[1][:N]
    steps = [sorted({t for e in range(21) for t in (2**e, 3 * 2**e // 2) if 1 <= t <= most}) for most in high]
    sizes = np.array([len(row) for row in steps])
    if sizes.prod() <= GRID:
        at = np.stack(np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij")).reshape(N, -1)
    else:
        at = np.random.default_rng(0).integers(0, sizes[:, None], (N, GRID))
    return np.stack([np.array(row)[where] for row, where in zip(steps, at, strict=True)])
