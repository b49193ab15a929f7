"""Plans: application to scenarios, budgets, error messages and explanations."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from learning.algorithms.algorithm import Algorithm
from netsim.bounds.from_scenario import PlanError, plan_context
from netsim.bounds.problem import LearningConstants
from netsim.planner.bound_map import best_per_octave, random_points, scan
from netsim.planner.constants import ConstantsEstimate, assumed, known, load_constants
from netsim.planner.explanation import explain
from netsim.planner.plan import Plan
from netsim.planner.planner import Options, distinct
from netsim.scenario import digest, load, load_text, resolved
from netsim.simulation.run import execute

from .sample_scenarios import QMLHFL, planned, scene

FACTS = LearningConstants(2.0, 1.0, (0.5, 0.2, 0.1), 2.3)
MEASURED = ConstantsEstimate(FACTS, "given", "given for a test", 1.0)
QUADRATIC = """
name: quadratic
task: {dataset: {synthetic: {heterogeneity: 0.6, edge_heterogeneity: 0.3, noise: 2.0, smoothness: 2.0}}}
topology: {fanout: [2, 4]}
devices: {compute: {constant: 10 ms}}
algorithm: {qmlhfl: {learning_rate: 0.02, batch_size: 4, tau: [3, 2], levels: [15, null], bucket: 64}}
network: [{wired: {rate: 1 Mbit/s}}, {wired: {rate: 1 Mbit/s, latency: 50 ms}}]
stop: {rounds: 10, deadline: 30 s}
"""


def make_plan(**changes: object) -> Plan:
    plan = Plan((4, 3, 2), 0.01, 7, None, 1.0, 1.0, 1.0, None, 0.1, 0.0, "fixed", 0.1)
    return replace(plan, **changes)  # type: ignore[arg-type]


ALGORITHMS = {
    "qmlhfl": ("[2, 2, 3]", QMLHFL),
    "hier_favg": (
        "[2, 2, 3]",
        "hier_favg: {learning_rate: 0.05, batch_size: 8, tau: [3, 2, 2], weights: devices}",
    ),
    "hier_local_qsgd": (
        "[2, 3]",
        "hier_local_qsgd: {learning_rate: 0.05, batch_size: 8, tau: [3, 2], levels: [4, null], weights: devices}",
    ),
    "fedavg": ("[4]", "fedavg: {learning_rate: 0.05, batch_size: 8, local_steps: 3, weights: devices}"),
    "layers": (
        "[2, 3]",
        "leaf: {learning_rate: 0.05, batch_size: 8}\n  layers: [{tau: 3, up: {qsgd: {levels: 4}}, rule: mean}, "
        "{tau: 2, up: none, rule: mean}]",
    ),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_applied_plan_is_a_valid_scenario(name: str) -> None:
    fanout, algorithm = ALGORITHMS[name]
    depth = fanout.count(",") + 1
    scenario = scene(fanout=fanout, algorithm=algorithm, links=("{wired: {rate: 10 Mbit/s}}",) * depth)
    plan = make_plan(tau=(4, 3, 2)[:depth])
    applied = plan.apply(scenario)
    assert (
        applied.layered_algorithm.taus,
        applied.layered_algorithm.leaf.learning_rate,
        applied.stop.rounds,
    ) == (
        plan.tau,
        0.01,
        7,
    )
    assert type(applied.algorithm) is type(scenario.algorithm)
    assert digest(load_text(resolved(applied))) == digest(applied)
    ups = [layer.up for layer in applied.layered_algorithm.layers]
    assert ups == [layer.up for layer in scenario.layered_algorithm.layers]


def test_planned_levels_are_set_in_the_compressors() -> None:
    applied = make_plan(levels=(3, 63, 7)).apply(scene())
    assert [layer.up.levels for layer in applied.layered_algorithm.layers] == [3, 63, 7]  # type: ignore[attr-defined]


def test_planned_levels_are_set_in_an_algorithm_without_recipe() -> None:
    fanout, algorithm = ALGORITHMS["layers"]
    scenario = scene(fanout=fanout, algorithm=algorithm, links=("{wired: {rate: 10 Mbit/s}}",) * 2)
    applied = make_plan(tau=(1, 5), levels=(31, None)).apply(scenario)
    assert isinstance(applied.algorithm, Algorithm)
    first, second = (layer.up for layer in applied.layered_algorithm.layers)
    assert first.levels == 31  # type: ignore[attr-defined]
    assert second.lossless


@pytest.mark.parametrize("mode", ["fixed", "joint-1", "joint-2"])
def test_planned_rounds_equal_simulated_rounds(mode: str) -> None:
    """The plan has exactly the rounds that end before the deadline."""
    scenario = scene()
    plan = planned(scenario, Options(mode=mode), MEASURED).plans[0]  # type: ignore[arg-type]
    stop = scenario.stop.model_copy(update={"rounds": 10**6})
    run = execute(plan.apply(scenario).model_copy(update={"stop": stop}), engine="timing")
    assert (plan.rounds, plan.mode) == (len(run.trace.rounds) - 1, mode)
    assert plan.predicted_time_s == pytest.approx(run.trace.rounds[-1]["sim_time_s"], rel=1e-9)


def test_the_certificate_is_a_lower_bound_of_all_listed_plans() -> None:
    result = planned(scene(), Options(mode="joint-2", shown=8), MEASURED)
    assert len(result.plans) == 8
    assert all(result.outcome.floor <= plan.value for plan in result.plans)
    assert [plan.value for plan in result.plans] == sorted(plan.value for plan in result.plans)
    assert result.plans[0].gap is not None
    assert result.plans[0].gap <= 1.1e-3


def test_the_quick_search_has_no_certificate() -> None:
    plan = planned(scene(), Options(quick=True), MEASURED).plans[0]
    assert plan.gap is None
    assert plan.value <= 1.03 * planned(scene(), None, MEASURED).plans[0].value


def test_free_levels_improve_the_bound() -> None:
    fixed, free = (
        planned(scene(), Options(mode="joint-1", levels=levels), MEASURED).plans[0]
        for levels in (False, True)
    )
    assert free.value < fixed.value
    assert free.levels is not None


def test_the_fraction_is_one_if_waiting_costs_no_time() -> None:
    options = Options(mode="joint-1", fraction=True)
    plan = planned(scene(links=("{delay: {uplink: 1 ms}}",) * 3), options, MEASURED).plans[0]
    assert plan.fraction == 1.0


def test_a_target_is_reached_in_the_predicted_time() -> None:
    by_deadline = planned(scene(), Options(mode="joint-1"), MEASURED).plans[0]
    target = by_deadline.value * 1.5
    plan = planned(scene(), Options(mode="joint-1"), MEASURED, target=target).plans[0]
    assert plan.predicted_time_s < by_deadline.predicted_time_s
    at_predicted_time = planned(
        scene(), Options(mode="joint-1"), MEASURED, deadline_s=plan.predicted_time_s * (1 + 1e-9)
    ).plans[0]
    assert at_predicted_time.value <= target
    at_shorter_time = planned(
        scene(), Options(mode="joint-1"), MEASURED, deadline_s=plan.predicted_time_s * 0.97
    ).plans[0]
    assert at_shorter_time.value > target


def test_the_error_of_an_infeasible_deadline_names_its_cause_and_the_least_feasible_deadline() -> None:
    with pytest.raises(PlanError, match="most of it the uplink of layer 2") as caught:
        planned(
            scene(
                links=("{wired: {rate: 10 Mbit/s}}", "{delay: {uplink: 30 s}}", "{wired: {rate: 10 Mbit/s}}")
            )
        )
    least_deadline_s = float(str(caught.value).rpartition("deadline is ")[2].removesuffix(" s"))
    scenario = scene(
        links=("{wired: {rate: 10 Mbit/s}}", "{delay: {uplink: 30 s}}", "{wired: {rate: 10 Mbit/s}}")
    )
    assert planned(scenario, deadline_s=least_deadline_s).plans[0].tau == (1, 1, 1)


def test_a_rate_outside_the_theorem_gives_a_note_and_no_bound() -> None:
    result = planned(scene(), None, replace(MEASURED, facts=replace(FACTS, smoothness=100.0)))
    assert result.plans[0].predicted_bound is None
    assert result.vacuous
    assert any("Theorem 1 does not hold at learning rate 0.05" in note for note in result.notes)


def test_a_bound_above_the_initial_value_is_reported_as_vacuous() -> None:
    result = planned(scene(), None, replace(MEASURED, start=1e-9))
    assert any("the bound is vacuous" in note for note in result.notes)
    assert not any("vacuous" in note for note in planned(scene(), None, replace(MEASURED, start=1e9)).notes)


@pytest.mark.parametrize("mode", ["fixed", "joint-1", "joint-2"])
def test_the_terms_add_up_to_the_bound(mode: str) -> None:
    result = planned(scene(), Options(mode=mode), MEASURED)  # type: ignore[arg-type]
    rows = {row.name: row.value for row in explain(result, result.plans[0])}
    assert rows["bound"] == pytest.approx(result.plans[0].predicted_bound, rel=1e-3)
    assert rows["c_G"] > 0


def test_a_biased_compressor_is_refused_with_a_remedy() -> None:
    top = ALGORITHMS["layers"][1].replace("{qsgd: {levels: 4}}", "{top_k: {fraction: 0.1}}")
    with pytest.raises(PlanError, match="layer 1: up: the bounds need unbiased compressors"):
        plan_context(scene(fanout="[2, 3]", algorithm=top, links=("{wired: {rate: 10 Mbit/s}}",) * 2))


def test_votes_are_refused() -> None:
    with pytest.raises(PlanError, match="the bounds cover means"):
        plan_context(load("mnist_hier_sign_sgd"))


def test_planning_without_a_limit_is_refused() -> None:
    scenario = scene()
    stop = scenario.stop.model_copy(update={"deadline": None})
    with pytest.raises(PlanError, match="the plan has no limit"):
        planned(scenario.model_copy(update={"stop": stop}), deadline_s=None)  # type: ignore[arg-type]


def test_constants_of_a_synthetic_objective_are_exact() -> None:
    result = known(plan_context(load_text(QUADRATIC)))
    assert result is not None
    facts = result.facts
    assert (facts.smoothness, facts.noise) == (2.0, 2.0**2 / 4)
    assert facts.layers == pytest.approx((0.36, 0.09))
    assert result.origin == "known"


def test_assumed_constants_follow_from_the_scenario() -> None:
    result = assumed(plan_context(scene()))
    assert result.facts.smoothness == pytest.approx(1 / (2 * 0.05 * 12))
    assert result.facts.gap == pytest.approx(np.log(10))
    assert result.facts.layers[:2] == (0.0, 0.0)


def test_saved_constants_can_be_loaded(tmp_path: pytest.TempPathFactory) -> None:
    path = tmp_path / "facts.json"  # type: ignore[operator]
    MEASURED.save(path)
    assert load_constants(path, 3).facts == FACTS
    with pytest.raises(PlanError, match="3 entries, but the topology has 2 layers"):
        load_constants(path, 2)


def test_listed_plans_are_distinct() -> None:
    result = planned(scene(), None, MEASURED)
    plans = distinct(result.outcome.ranked, 5)
    for a, b in ((a, b) for a in plans for b in plans if a is not b):
        assert max(max(x, y) / min(x, y) for x, y in zip(a.tau, b.tau, strict=True)) >= 1.3


def test_random_plans_fit_the_deadline_and_repeat() -> None:
    result = planned(scene(), None, MEASURED)
    points = random_points(result, 20, seed=3)
    assert len(points) == 20
    assert points == random_points(result, 20, seed=3)
    assert len({point.tau for point in points}) == 20
    assert all(point.rounds >= 1 for point in points)


def test_best_points_per_octave_span_the_feasible_work() -> None:
    result = planned(scene(), None, MEASURED)
    work = [int(np.prod(point.tau)) for point in best_per_octave(result)]
    assert work == sorted(work)
    assert work[0] == 1
    assert work[-1] > 100
    assert all(b < 4 * a for a, b in pairwise(work))


def test_the_minimum_of_the_bound_map_is_the_bound_of_the_plan() -> None:
    result = planned(scene(), None, MEASURED)
    taus_1, taus_2, rows = scan(result, 0, 1)
    best = result.plans[0]
    value_at_plan = rows[taus_2.index(best.tau[1])][taus_1.index(best.tau[0])]
    assert value_at_plan == pytest.approx(best.value)
    assert value_at_plan == min(value for row in rows for value in row if value is not None)
