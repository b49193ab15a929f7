"""Refinement: simulated runs select among candidates by successive halving."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netsim.planner.bound_map import neighbours
from netsim.planner.planner import Planned
from netsim.planner.refinement import candidates, refine, worse_half
from netsim.planner.trials import Trial, with_spare_rounds

from .sample_scenarios import planned, scene

DEADLINE_S = 3.0


@pytest.fixture(scope="module")
def planned_scene() -> Planned:
    short = scene(fanout="[1, 2, 2]")
    return planned(short.model_copy(update={"stop": short.stop.model_copy(update={"deadline": DEADLINE_S})}))


@pytest.fixture(scope="module")
def trials(planned_scene: Planned, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    return refine(planned_scene, 4, 2, 2, 1, tmp_path_factory.mktemp("runs"), lambda line: None)


def test_refinement_stops_some_trials_early_and_ranks_the_best_first(trials: list[Trial]) -> None:
    refined = [trial for trial in trials if not trial.random]
    finals = [trial for trial in refined if trial.share == 1]
    assert 2 <= len(finals) < len(refined)
    assert refined[0].score == max(trial.score for trial in finals)
    assert [trial.random for trial in trials[-2:]] == [True] * 2
    assert len({trial.plan.tau for trial in refined}) == len(refined)


def test_refinement_tries_neighbours_and_completes_the_plan_of_the_bound(
    planned_scene: Planned, trials: list[Trial]
) -> None:
    refined = [trial for trial in trials if not trial.random]
    assert len(refined) > 5
    assert any(trial.plan.tau == planned_scene.plans[0].tau and trial.share == 1 for trial in refined)


def test_trials_end_by_the_deadline_with_one_run_per_seed(trials: list[Trial]) -> None:
    for trial in trials:
        assert len(trial.accuracies) == 2
        assert max(trial.seconds) <= DEADLINE_S * trial.share


def test_a_trial_with_the_seed_of_the_scenario_makes_the_predicted_rounds(trials: list[Trial]) -> None:
    for trial in trials:
        if trial.share == 1:
            assert trial.rounds[0] == trial.plan.rounds


def test_candidates_are_distinct_and_span_sizes(planned_scene: Planned) -> None:
    plans = candidates(planned_scene, 6)
    assert len({plan.tau for plan in plans}) == len(plans) == 6
    work = sorted(int(np.prod(plan.tau)) for plan in plans)
    assert work[-1] > 30 * work[0]


def test_trials_end_at_the_deadline_not_at_the_planned_rounds(planned_scene: Planned) -> None:
    plan = planned_scene.plans[0]
    assert with_spare_rounds(plan, scene()).stop.rounds > 2 * plan.rounds


def test_neighbours_are_close_and_feasible(planned_scene: Planned) -> None:
    points = neighbours(planned_scene, (8, 2, 2))
    assert (12, 2, 2) in [point.tau for point in points]
    assert (4, 4, 2) in [point.tau for point in points]
    assert all(point.rounds >= 1 and point.tau != (8, 2, 2) for point in points)


def test_successive_halving_drops_the_worse_half_of_comparable_trials(trials: list[Trial]) -> None:
    def trial_with(accuracy: float, rounds: int) -> Trial:
        return replace(trials[0], accuracies=(accuracy,), rounds=(rounds,))

    a, b, c, d, slow = (
        trial_with(0.9, 9),
        trial_with(0.5, 9),
        trial_with(0.7, 9),
        trial_with(0.6, 9),
        trial_with(0.1, 1),
    )
    assert worse_half([b, a, d, c]) == [d, b]
    assert worse_half([b, a, d, c, slow]) == [d, b]
    assert worse_half([a, b]) == []


def test_the_error_of_a_trial_is_that_of_its_mean(trials: list[Trial]) -> None:
    a, b = trials[0].accuracies
    assert trials[0].error == pytest.approx(abs(a - b) / 2)
    assert trials[0].score == pytest.approx((a + b) / 2)
