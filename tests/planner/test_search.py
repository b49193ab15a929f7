"""Branch and bound against exhaustive search, its certificate, and properties of the objective."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from netsim.bounds.branch_and_bound import PlanningTask, evaluate, full_box, lower_bounds, search
from netsim.bounds.costs import Amounts, Budget
from netsim.bounds.heuristic_search import heuristic_search, log_relaxed_bound

from .instances import all_candidates, instance


def value(task: PlanningTask) -> float:
    outcome = search(task)
    assert outcome.best is not None
    return outcome.best.value


@pytest.mark.parametrize("seed", range(45))
def test_branch_and_bound_equals_exhaustive_search(seed: int) -> None:
    task = instance(seed, 3.5 if seed % 5 == 4 else 8, target=seed % 4 == 3, choices=seed % 5 == 4)
    outcome, best = search(task, tolerance=1e-5), min(all_candidates(task))
    assert outcome.best is not None
    assert outcome.best.value == pytest.approx(best.value, rel=1e-5)
    assert best.value * (1 - 1e-4) <= outcome.floor <= best.value


@pytest.mark.parametrize("seed", range(12))
def test_lower_bounds_of_boxes_are_valid(seed: int) -> None:
    task = instance(seed, 3.5 if seed % 5 == 4 else 8, target=seed % 4 == 3, choices=seed % 5 == 4)
    low, high = full_box(task)
    r = np.random.default_rng(seed)
    for _ in range(20):
        a, b = (r.integers(low, high + 1) for _ in range(2))
        lo, hi = np.minimum(a, b)[:, None], np.maximum(a, b)[:, None]
        inside = r.integers(lo, hi + 1, (len(lo), 30))
        values = [best.value for best in evaluate(task, inside)]
        assert lower_bounds(task, lo, hi)[0] <= min(values) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(9))
def test_an_interrupted_search_has_a_valid_certificate(seed: int) -> None:
    task = instance(seed, longest=300)
    interrupted, done = search(task, max_boxes=8), search(task)
    assert interrupted.best is not None
    assert done.best is not None
    assert interrupted.floor <= done.best.value <= interrupted.best.value
    assert interrupted.gap >= 0


@pytest.mark.parametrize("seed", range(9))
def test_a_later_deadline_is_never_worse(seed: int) -> None:
    task = instance(seed)
    limits = task.budget.limits
    values = [value(replace(task, budget=Budget(limits * f))) for f in (1, 1.3, 2, 5)]
    assert all(b <= a * (1 + 1.1e-3) for a, b in pairwise(values))


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_does_not_depend_on_the_unit_of_time(seed: int) -> None:
    task = instance(seed)
    costs = task.costs
    slow = replace(costs, step_s=costs.step_s / 60, speaking_s=tuple(s / 60 for s in costs.speaking_s))  # type: ignore[type-var, attr-defined]
    scaled = replace(task, costs=slow, budget=Budget(task.budget.limits / 60))
    first, second = search(task).best, search(scaled).best
    assert first is not None
    assert second is not None
    assert second.value == pytest.approx(first.value, rel=2e-3)


def test_a_free_rate_is_no_worse_than_a_fixed_one() -> None:
    fixed = instance(0)
    joint = replace(fixed, rule=instance(1).rule)
    assert (fixed.rule.mode, joint.rule.mode) == ("fixed", "joint-1")
    assert value(joint) <= value(fixed)


def test_no_plan_is_found_if_no_round_is_feasible() -> None:
    task = instance(0)
    outcome = search(replace(task, budget=Budget(task.budget.limits / 1e3)))
    assert outcome.best is None


def test_no_plan_is_found_outside_the_theorem() -> None:
    task = instance(0)
    assert search(replace(task, rule=replace(task.rule, rate=1.01))).best is None


@pytest.mark.parametrize("seed", range(15))
def test_the_quick_search_is_close_to_the_exact_one(seed: int) -> None:
    task = instance(seed, longest=300)
    best = heuristic_search(task).best
    assert best is not None
    assert best.value <= value(task) * 1.03


@pytest.mark.parametrize("seed", range(9))
def test_the_relaxation_is_convex_in_the_logarithms(seed: int) -> None:
    """Checks midpoints of random segments in the region where the condition holds."""
    task, r = instance(seed), np.random.default_rng(seed)
    N = task.depth
    checked = 0
    for _ in range(300):
        ends = r.uniform(0, 1.5, (2, N))
        rates = r.uniform(np.log(1e-4), np.log(5e-2), (2, 1))
        a, b = np.concatenate([ends, rates] if task.rule.rate is None else [ends], axis=1)
        at_a, at_b, middle = (log_relaxed_bound(task, x, 5) for x in (a, b, (a + b) / 2))
        if max(at_a, at_b) < 20:
            checked += 1
            assert middle <= (at_a + at_b) / 2 + 1e-9
    assert checked > 20


@pytest.mark.parametrize("seed", range(9))
def test_the_relaxation_is_above_the_bound(seed: int) -> None:
    """At equal constants and rate, with a fractional number of rounds."""
    task, r, checked = instance(seed), np.random.default_rng(seed), 0
    for _ in range(40):
        tau, rate = r.integers(1, 4, (task.depth, 1)).astype(float), np.array([r.uniform(1e-4, 0.03)])
        rate = np.array([task.rule.rate]) if task.rule.rate is not None else rate
        free_values, up = task.rule.free_values[:, [5]], np.array(task.problem.up)[:, None]
        terms = task.rule.terms(task.problem, rate, tau, free_values, up)
        seconds = task.costs.least(tau, np.zeros_like(tau, dtype=int), np.ones(1))[0]
        exact = terms.value(rate, task.budget.limits[0] / seconds, task.problem.facts.gap)
        x = np.log(np.append(tau[:, 0], [] if task.rule.rate is not None else rate))
        if np.isfinite(exact).all():
            checked += 1
            assert log_relaxed_bound(task, x, 5) >= float(np.log(exact)[0]) - 1e-9
    assert checked > 5


def test_rounds_that_end_at_the_deadline_count() -> None:
    amounts = Amounts(np.array([[3.0, 3.0, 3.0]]), np.array([[2.0, 2.0, 2.0]]))
    assert Budget(np.array([7.0])).allowed(amounts).tolist() == [3.0] * 3
    assert Budget(np.array([6.999])).allowed(amounts).tolist() == [2.0] * 3
    assert Budget(np.array([2.9])).allowed(amounts).tolist() == [0.0] * 3


def test_the_scarcest_resource_limits_the_rounds() -> None:
    amounts = Amounts(np.array([[1.0], [10.0]]), np.array([[1.0], [10.0]]))
    budget = Budget(np.array([100.0, 55.0]))
    assert budget.allowed(amounts)[0] == 5
    assert budget.binding(amounts)[0] == 1
