"""The planner: hundreds of random settings for the bounds, and the time of the search."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from netsim.bounds.bound import theorem2
from netsim.bounds.branch_and_bound import search
from netsim.bounds.heuristic_search import relaxed_points
from netsim.bounds.learning_rate import MODES, BoundRule, Goal, largest_rate, minimise
from tests.planner.instances import instance
from tests.planner.nested_sgd import measure_gradients, random_setting

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("hundred", range(4))
def test_both_bounds_hold_on_400_random_quadratics(hundred: int) -> None:
    broken = []
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        setting = random_setting(seed, most_layers=4)
        problem, share = setting.problem, (0.1, 0.5, 0.95)[seed % 3]
        tau, up = np.array(setting.tau, dtype=float)[:, None], np.array(problem.up)[:, None]
        rate = share * largest_rate(problem, BoundRule("joint-1"), setting.tau)
        promised = float(
            minimise(problem, BoundRule("fixed", rate), Goal(), tau, up, 15 * tau.prod(axis=0)).value[0]
        )
        rule = BoundRule("joint-2")
        within = share * largest_rate(problem, rule, setting.tau)
        terms = theorem2(problem, within * problem.facts.smoothness, setting.tau, tuple(rule.free_values))  # type: ignore[arg-type]
        inner = float(np.min(terms.value(within, 15, problem.facts.gap)))
        for bound, found in (
            (promised, measure_gradients(setting, rate, 15)[0]),
            (inner, measure_gradients(setting, within, 15)[1]),
        ):
            if found.mean() - 4 * found.std() / np.sqrt(len(found)) > bound:
                broken.append((seed, bound, found.mean()))
    assert not broken


@pytest.mark.parametrize("mode", MODES)
def test_seconds_of_certified_searches(mode: str) -> None:
    """Prints host seconds of eight searches; asserts only that they are certified."""
    rule = BoundRule(mode, 0.02 if mode == "fixed" else None)  # type: ignore[arg-type]
    for seed in range(8):
        task = replace(instance(seed, longest=1000), rule=rule)
        start_s = time.perf_counter()
        outcome = search(task, relaxed_points(task))
        print(
            f"{mode} N={task.depth} {time.perf_counter() - start_s:.2f} s, {outcome.boxes} boxes, gap {outcome.gap:.1e}"
        )
        assert outcome.gap <= 1e-3
