"""Branch and bound against brute force, its certificate, and the laws of what it optimises."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from netsim.bounds.branch_and_bound import PlanningTask, evaluate, full_box, lower_bounds, search
from netsim.bounds.costs import Amounts, Budget
from netsim.bounds.heuristic_search import heuristic_search, log_relaxed_bound

from .instances import everything, instance


def value(task: PlanningTask) -> float:
    outcome = search(task)
    assert outcome.best is not None
    return outcome.best.value


@pytest.mark.parametrize("seed", range(45))
def test_branch_and_bound_is_brute_force(seed: int) -> None:
    task = instance(seed, 3.5 if seed % 5 == 4 else 8, target=seed % 4 == 3, choices=seed % 5 == 4)
    outcome, best = search(task, tolerance=1e-5), min(everything(task))
    assert outcome.best is not None
    assert outcome.best.value == pytest.approx(best.value, rel=1e-5)
    assert best.value * (1 - 1e-4) <= outcome.floor <= best.value


@pytest.mark.parametrize("seed", range(12))
def test_no_point_of_a_box_lies_below_its_floor(seed: int) -> None:
    task = instance(seed, 3.5 if seed % 5 == 4 else 8, target=seed % 4 == 3, choices=seed % 5 == 4)
    low, high = full_box(task)
    r = np.random.default_rng(seed)
    for _ in range(20):
        a, b = (r.integers(low, high + 1) for _ in range(2))
        lo, hi = np.minimum(a, b)[:, None], np.maximum(a, b)[:, None]
        inside = r.integers(lo, hi + 1, (len(lo), 30))
        values = [found.value for found in evaluate(task, inside)]
        assert lower_bounds(task, lo, hi)[0] <= min(values) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(9))
def test_a_search_cut_short_still_has_a_true_certificate(seed: int) -> None:
    task = instance(seed, longest=300)
    cut, done = search(task, max_boxes=8), search(task)
    assert cut.best is not None
    assert done.best is not None
    assert cut.floor <= done.best.value <= cut.best.value
    assert cut.gap >= 0


@pytest.mark.parametrize("seed", range(9))
def test_a_later_deadline_is_never_worse(seed: int) -> None:
    task = instance(seed)
    limits = task.budget.limits
    values = [value(replace(task, budget=Budget(limits * f))) for f in (1, 1.3, 2, 5)]
    assert all(b <= a * (1 + 1.1e-3) for a, b in pairwise(values))


@pytest.mark.parametrize("seed", range(6))
def test_seconds_may_be_minutes(seed: int) -> None:
    task = instance(seed)
    costs = task.costs
    slow = replace(costs, step_s=costs.step_s / 60, speaking_s=tuple(s / 60 for s in costs.speaking_s))  # type: ignore[type-var, attr-defined]
    scaled = replace(task, costs=slow, budget=Budget(task.budget.limits / 60))
    one, other = search(task).best, search(scaled).best
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value, rel=2e-3)


def test_a_chosen_rate_beats_a_fixed_one() -> None:
    fixed = instance(0)
    joint = replace(fixed, rule=instance(1).rule)
    assert (fixed.rule.mode, joint.rule.mode) == ("fixed", "joint-1")
    assert value(joint) <= value(fixed)


def test_nothing_is_found_where_no_round_fits() -> None:
    task = instance(0)
    outcome = search(replace(task, budget=Budget(task.budget.limits / 1e3)))
    assert outcome.best is None


def test_nothing_is_found_where_the_theorem_says_nothing() -> None:
    task = instance(0)
    assert search(replace(task, rule=replace(task.rule, rate=1.01))).best is None


@pytest.mark.parametrize("seed", range(15))
def test_the_fast_way_is_near_the_exact_one(seed: int) -> None:
    task = instance(seed, longest=300)
    found = heuristic_search(task).best
    assert found is not None
    assert found.value <= value(task) * 1.03


@pytest.mark.parametrize("seed", range(9))
def test_the_relaxation_is_convex_in_the_logarithms(seed: int) -> None:
    """Midpoints of random segments where the condition holds."""
    task, r = instance(seed), np.random.default_rng(seed)
    N = task.depth
    seen = 0
    for _ in range(300):
        ends = r.uniform(0, 1.5, (2, N))
        rates = r.uniform(np.log(1e-4), np.log(5e-2), (2, 1))
        a, b = np.concatenate([ends, rates] if task.rule.rate is None else [ends], axis=1)
        here, there, middle = (log_relaxed_bound(task, x, 5) for x in (a, b, (a + b) / 2))
        if max(here, there) < 20:
            seen += 1
            assert middle <= (here + there) / 2 + 1e-9
    assert seen > 20


@pytest.mark.parametrize("seed", range(9))
def test_the_relaxation_is_above_the_bound(seed: int) -> None:
    """At the same constants and rate, with as many rounds as fit, whole or not."""
    task, r, seen = instance(seed), np.random.default_rng(seed), 0
    for _ in range(40):
        tau, rate = r.integers(1, 4, (task.depth, 1)).astype(float), np.array([r.uniform(1e-4, 0.03)])
        rate = np.array([task.rule.rate]) if task.rule.rate is not None else rate
        free_values, up = task.rule.free_values[:, [5]], np.array(task.problem.up)[:, None]
        terms = task.rule.terms(task.problem, rate, tau, free_values, up)
        seconds = task.costs.least(tau, np.zeros_like(tau, dtype=int), np.ones(1))[0]
        exact = terms.value(rate, task.budget.limits[0] / seconds, task.problem.facts.gap)
        x = np.log(np.append(tau[:, 0], [] if task.rule.rate is not None else rate))
        if np.isfinite(exact).all():
            seen += 1
            assert log_relaxed_bound(task, x, 5) >= float(np.log(exact)[0]) - 1e-9
    assert seen > 5


def test_rounds_that_end_at_the_deadline_count() -> None:
    amounts = Amounts(np.array([[3.0, 3.0, 3.0]]), np.array([[2.0, 2.0, 2.0]]))
    assert Budget(np.array([7.0])).allowed(amounts).tolist() == [3.0] * 3
    assert Budget(np.array([6.999])).allowed(amounts).tolist() == [2.0] * 3
    assert Budget(np.array([2.9])).allowed(amounts).tolist() == [0.0] * 3


def test_the_scarcest_resource_decides() -> None:
    amounts = Amounts(np.array([[1.0], [10.0]]), np.array([[1.0], [10.0]]))
    budget = Budget(np.array([100.0, 55.0]))
    assert budget.allowed(amounts)[0] == 5
    assert budget.binding(amounts)[0] == 1
