"""What the best plan is seen against: the bound over two taus, and random feasible taus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netsim.planner.planning import Planned
from netsim.planner.rates import Goal
from netsim.planner.search import Found, Task, evaluate, whole

GRID = 20_000
"""Points of a logarithmic grid that are looked at."""


def scan(done: Planned, first: int, second: int, most: int = 24) -> tuple[list[int], list[int], list[list[float | None]]]:
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


def random_points(done: Planned, count: int, seed: int) -> list[Found]:
    """Feasible points with log-uniform tau, the rate chosen as for the plan: what a plan is compared with."""
    low, high = whole(forgiving(done))
    generator, N = np.random.default_rng(seed), done.setting.depth
    found: list[Found] = []
    for _ in range(200):
        logs = generator.uniform(0, np.log(high[:N] + 1)[:, None], (N, 64))
        tau = np.minimum(np.exp(logs).astype(np.int64), high[:N, None])
        rest = np.repeat(done.point(done.plans[0])[N:, None], 64, axis=1)
        some = evaluate(forgiving(done), np.concatenate([tau, rest]))
        found += [one for one in some if np.isfinite(one.value)]
        if len(found) >= count:
            break
    return found[:count]




def forgiving(done: Planned) -> Task:
    """The plan's task, with a fixed rate judged by the first order: what fits the budget is feasible."""
    rule = done.task.rule
    return done.task if rule.rate is None else replace(done.task, rule=replace(rule, ranking=True), goal=Goal())


def octaves(done: Planned, count: int) -> list[Found]:
    """The best point of each octave of K, local steps per global round, by the first order where the rate is fixed.

    The bounds know better how to split K over the layers than how large it may be: their constants are worst
    cases. These candidates leave the size to the simulation. At most `count`, nearest the plan's K first.
    """
    task, N = forgiving(done), done.setting.depth
    low, high = whole(task)
    steps = [sorted({t for e in range(21) for t in (2**e, 3 * 2**e // 2) if 1 <= t <= high[n]}) for n in range(N)]
    sizes = np.array([len(row) for row in steps])
    generator = np.random.default_rng(0)
    if sizes.prod() <= GRID:
        at = np.stack(np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij")).reshape(N, -1)
    else:
        at = generator.integers(0, sizes[:, None], (N, GRID))
    tau = np.stack([np.array(row)[where] for row, where in zip(steps, at, strict=True)])
    rest = np.repeat(done.point(done.plans[0])[N:, None], tau.shape[1], axis=1)
    best: dict[int, Found] = {}
    for found in sorted(evaluate(task, np.concatenate([tau, rest]))):
        if np.isfinite(found.value):
            best.setdefault(int(np.log2(np.prod(found.tau))), found)
    here = np.log2(np.prod(done.plans[0].tau))
    return sorted(best.values(), key=lambda found: abs(np.log2(np.prod(found.tau)) - here))[:count]
