"""Minimisation of the bounds over learning rate and free constants, for many tau at once.

For fixed constants N_0 and 1 - c_G are power series in mu with coefficients >= 0 (docs/planner.md), so the
bound is (convex > 0) / (concave > 0), hence quasi-convex: narrowing a bracket around the best of a few rates
finds its minimum. A bracket also gives a rigorous floor, since N_0 rises and c_G falls with mu.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from netsim.bounds.bound import Terms, first_order, theorem1, theorem2
from netsim.bounds.free_constants import THEOREM_1, THEOREM_2
from netsim.bounds.problem import Floats, Problem

Mode: TypeAlias = Literal["fixed", "joint-1", "joint-2"]
"""fixed: the scenario's own learning rate under Theorem 1, as the paper. joint-1, joint-2: the rate is chosen too."""

MODES: tuple[Mode, ...] = get_args(Mode)
RANGE = 1e-10
"""Rates below this fraction of the largest admissible rate are not considered."""
POINTS = 9
"""Rates per stage; a stage narrows the bracket by a factor of four."""
STAGES = 10
"""Then the bracket is narrower than 1e-4 of the rate."""


@dataclass(frozen=True)
class BoundRule:
    """The bound that is minimised, and over which rates; `rate` is that of mode `fixed`, else None."""

    mode: Mode
    rate: float | None = None
    ranking: bool = False
    """Rank by the first order of Theorem 1, which is no bound, where the theorem does not hold at this rate."""

    def __post_init__(self) -> None:
        if (self.mode == "fixed") != (self.rate is not None):
            raise ValueError(f"mode {self.mode} {'needs a' if self.mode == 'fixed' else 'chooses its'} rate")

    @property
    def free_values(self) -> Floats:
        """Values of the theorem's free constants, one set per column."""
        if self.ranking:
            return np.ones((3, 1))
        return np.array(THEOREM_2 if self.mode == "joint-2" else THEOREM_1, dtype=np.float64).T

    def terms(
        self,
        problem: Problem,
        rate: Floats,
        tau: Floats,
        free_values: Floats,
        up: Floats,
        most_steps: Floats | None = None,
        one: float = 1.0,
    ) -> Terms:
        """The theorem's terms; for Theorem 2 with (1 - lam)/theta + lam <= 1/theta, which makes it quasi-convex."""
        lam, taus, ups = problem.facts.smoothness * rate, list(tau), list(up)
        if self.mode == "joint-2":
            theta, b2, b3, b4, which = free_values
            return theorem2(problem, lam, taus, (theta, b2, b3, b4, which), ups, 1.0 / theta, one)
        if self.ranking:
            return first_order(problem, lam, taus, ups, one)
        theta, c, c1 = free_values
        return theorem1(problem, lam, taus, (theta, c, c1), ups, most_steps, one)

    def largest(self, problem: Problem, steps: Floats) -> Floats:
        """Rates above these are outside the theorem whatever its constants: 1/(L K), or 1/L for Theorem 2."""
        return np.asarray(1.0 / problem.facts.smoothness / (steps**0 if self.mode == "joint-2" else steps))


@dataclass(frozen=True)
class Goal:
    """What is minimised: the bound after given local steps, or (with `target`) the local steps to a bound."""

    target: float | None = None

    def score(
        self, rate: Floats, noise_floor: Floats, contraction: Floats, gap: float, done: Floats
    ) -> Floats:
        """The bound after `done` = T K local steps; with a target, the local steps that reach it (inf: never)."""
        good = contraction > 0
        safe = np.where(good, contraction, 1.0)
        if self.target is None:
            return np.where(good, (gap / (rate * done) + noise_floor) / safe, np.inf)
        room = self.target * safe - noise_floor
        good = good & (room > 0)
        return np.where(good, gap / (rate * np.where(good, room, 1.0)), np.inf)


@dataclass(frozen=True, eq=False)
class Minimum:
    """Minima over the rate and the constants, one entry per tau."""

    value: Floats
    rate: Floats
    choice: NDArray[np.int64]
    """Which column of `BoundRule.free_values`; -1 where the value is infinite."""
    floor: Floats
    """No rate and no choice gives less than this."""


def minimise(
    problem: Problem,
    rule: BoundRule,
    goal: Goal,
    tau: Floats,
    up: Floats,
    done: Floats,
    most_steps: Floats | None = None,
    enough: float = np.inf,
) -> Minimum:
    """Minimise the goal for each of B choices of tau.

    Args:
        problem: the learning problem.
        rule: mode and, where fixed, rate.
        goal: what is minimised.
        tau: [N, B]; up: q_n [N, B]; done: local steps T K made until the deadline [B] (not used with a target).
        most_steps: K at the far corner of a box whose near corner is tau [B]: makes `floor` hold in the box.
        enough: candidates whose lower bound is at least this are not refined.
    """
    free_values = rule.free_values
    B, P = tau.shape[1], free_values.shape[1]
    which, choice = np.repeat(np.arange(B), P), np.tile(np.arange(P), B)
    best = Minimum(np.full(B, np.inf), np.full(B, np.nan), np.full(B, -1), np.full(B, np.inf))
    top = np.log(rule.largest(problem, tau.prod(axis=0)))[which]
    bottom = top + np.log(RANGE)
    if rule.rate is not None:
        top = bottom = np.full(B * P, np.log(rule.rate))
    for stage in range(1 if rule.rate is not None else STAGES):
        grid = np.linspace(0.0, 1.0, 1 if rule.rate is not None else POINTS)
        rate = np.exp(bottom[:, None] + (top - bottom)[:, None] * grid)
        far = None if most_steps is None else most_steps[which, None]
        columns = (tau[:, which, None], free_values[:, choice, None], up[:, which, None], far)
        terms = rule.terms(problem, rate, *columns)
        n0, cg = (np.broadcast_to(x, rate.shape) for x in (terms.noise_floor, terms.contraction))
        work = done[which, None]
        values = goal.score(rate, n0, cg, problem.facts.gap, work)
        at, row = values.argmin(axis=1), np.arange(len(which))
        _improve(best, which, choice, values[row, at], rate[row, at])
        left, right = np.maximum(at - 1, 0), np.minimum(at + 1, len(grid) - 1)
        floor = goal.score(rate[row, right], n0[row, left], cg[row, left], problem.facts.gap, work[:, 0])
        last = rule.rate is not None or stage == STAGES - 1
        kept = np.zeros(len(which), bool) if last else floor < np.minimum(best.value[which], enough)
        np.minimum.at(best.floor, which[~kept], floor[~kept])
        if not kept.any():
            break
        bottom, top = np.log(rate[row, left])[kept], np.log(rate[row, right])[kept]
        which, choice = which[kept], choice[kept]
    return best


def largest_rate(problem: Problem, rule: BoundRule, tau: Sequence[int]) -> float:
    """The learning rate up to which the theorem's condition holds at tau with some choice of its constants."""
    free_values, taus = rule.free_values, np.array(tau, dtype=np.float64)[:, None]
    up = np.array(problem.up, dtype=np.float64)[:, None]
    high = float(rule.largest(problem, taus.prod(axis=0))[0])
    low = high * RANGE
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        terms = rule.terms(problem, np.array([middle]), taus, free_values, up)
        low, high = (middle, high) if (np.asarray(terms.contraction) > 0).any() else (low, middle)
    return low


def _improve(
    best: Minimum, which: NDArray[np.int64], choice: NDArray[np.int64], value: Floats, rate: Floats
) -> None:
    """Update, per tau, the best value, rate and constants."""
    order = np.lexsort((value, which))
    firsts = order[np.unique(which[order], return_index=True)[1]]
    better = firsts[value[firsts] < best.value[which[firsts]]]
    at = which[better]
    best.value[at], best.rate[at], best.choice[at] = value[better], rate[better], choice[better]
