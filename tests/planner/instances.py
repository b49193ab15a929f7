"""Random planning tasks whose costs follow the linear law of theory.md."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from netsim.bounds.branch_and_bound import Candidate, PlanningTask, evaluate, full_box
from netsim.bounds.costs import Amounts, Budget, Indices, exchange_counts
from netsim.bounds.learning_rate import MODES, BoundRule, Goal
from netsim.bounds.problem import Floats, LearningConstants, Problem, TreeConstants


@dataclass(frozen=True)
class Linear:
    """seconds = K t_0 + sum_n r_n c_n x (1 + choice): equal in the first round and later."""

    step_s: float
    speaking_s: tuple[float, ...]
    names: tuple[str, ...] = ("time",)

    def rounds(self, tau: Floats, choice: Indices, share: Floats) -> Amounts:
        return Amounts(self.least(tau, choice, share), self.least(tau, choice, share))

    def least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        exchange_s = np.array(self.speaking_s)[:, None] * (1 + choice)
        exchange_s[0] = exchange_s[0] * share
        return (self.step_s * tau.prod(axis=0) + (exchange_s * exchange_counts(tau)).sum(axis=0))[None]


def instance(seed: int, longest: float = 30.0, target: bool = False, choices: bool = False) -> PlanningTask:
    """A task of 2 or 3 layers; the deadline is 2 to `longest` times a round of all ones. The mode depends on the seed."""
    r = np.random.default_rng(seed)
    depth = 2 if choices else int(r.integers(2, 4))
    fan = r.integers(2, 6, depth)
    mixing = (1.0, *np.cumprod(1 / fan).tolist())
    layers = tuple(float(r.choice([0, 0.05, 0.5])) for _ in range(depth))
    facts = LearningConstants(1.0, float(r.choice([0, 0.5, 5])), layers, float(r.uniform(0.5, 5)))
    up = tuple(float(r.choice([0, 0.05, 0.3, 1])) for _ in range(depth))
    problem = Problem(facts, TreeConstants(tuple((1 / fan).tolist()), mixing), up, (0.0,) * depth)
    per_exchange = tuple(float(10 ** r.uniform(-1, 0.3 if longest < 20 else 1.5)) for _ in range(depth))
    deadline = (1 + sum(per_exchange)) * float(r.uniform(2, longest))
    mode = MODES[seed % 3]
    rule = BoundRule(mode, 0.02 if mode == "fixed" else None)
    level_variances = tuple((4 * q, q, q / 4) for q in up) if choices else ()
    shares = (0.5, 1.0) if choices else (1.0,)
    costs, budget = Linear(1.0, per_exchange), Budget(np.array([deadline]))
    task = PlanningTask(problem, costs, budget, rule, Goal(), level_variances, shares)
    if not target:
        return task
    best = min(all_candidates(task))
    return PlanningTask(
        problem, costs, budget, rule, Goal(best.value * float(r.uniform(1.05, 2))), level_variances, shares
    )


def all_candidates(task: PlanningTask) -> list[Candidate]:
    """All points of the search space."""
    low, high = full_box(task)
    points = np.array(list(itertools.product(*(range(a, b + 1) for a, b in zip(low, high, strict=True))))).T
    return [f for k in range(0, points.shape[1], 4096) for f in evaluate(task, points[:, k : k + 4096])]
