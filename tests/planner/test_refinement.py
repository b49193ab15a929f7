"""Refinement: real runs choose among candidates, by successive halving."""

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
def found() -> Planned:
    short = scene(fanout="[1, 2, 2]")
    return planned(short.model_copy(update={"stop": short.stop.model_copy(update={"deadline": DEADLINE_S})}))


@pytest.fixture(scope="module")
def trials(found: Planned, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    return refine(found, 4, 2, 2, 1, tmp_path_factory.mktemp("runs"), lambda line: None)


def test_refinement_drops_some_early_and_the_best_comes_first(trials: list[Trial]) -> None:
    refined = [trial for trial in trials if not trial.random]
    finals = [trial for trial in refined if trial.share == 1]
    assert 2 <= len(finals) < len(refined)
    assert refined[0].score == max(trial.score for trial in finals)
    assert [trial.random for trial in trials[-2:]] == [True] * 2
    assert len({trial.plan.tau for trial in refined}) == len(refined)


def test_neighbours_of_the_best_are_tried_and_the_bound_s_own_choice_runs_to_the_end(
    found: Planned, trials: list[Trial]
) -> None:
    refined = [trial for trial in trials if not trial.random]
    assert len(refined) > 5
    assert any(trial.plan.tau == found.plans[0].tau and trial.share == 1 for trial in refined)


def test_trials_end_by_the_deadline_with_one_run_per_seed(trials: list[Trial]) -> None:
    for trial in trials:
        assert len(trial.accuracies) == 2
        assert max(trial.seconds) <= DEADLINE_S * trial.share


def test_a_trial_of_the_scenario_s_own_seed_does_the_predicted_rounds(trials: list[Trial]) -> None:
    for trial in trials:
        if trial.share == 1:
            assert trial.rounds[0] == trial.plan.rounds


def test_candidates_are_distinct_and_span_sizes(found: Planned) -> None:
    plans = candidates(found, 6)
    assert len({plan.tau for plan in plans}) == len(plans) == 6
    work = sorted(int(np.prod(plan.tau)) for plan in plans)
    assert work[-1] > 30 * work[0]


def test_a_trial_is_ended_by_the_deadline_not_by_the_plan(found: Planned) -> None:
    plan = found.plans[0]
    assert with_spare_rounds(plan, scene()).stop.rounds > 2 * plan.rounds


def test_neighbours_are_near_and_fit(found: Planned) -> None:
    near = neighbours(found, (8, 2, 2))
    assert (12, 2, 2) in [point.tau for point in near]
    assert (4, 4, 2) in [point.tau for point in near]
    assert all(point.rounds >= 1 and point.tau != (8, 2, 2) for point in near)


def test_a_rung_drops_the_worse_half_of_those_it_can_judge(trials: list[Trial]) -> None:
    def ran(accuracy: float, rounds: int) -> Trial:
        return replace(trials[0], accuracies=(accuracy,), rounds=(rounds,))

    a, b, c, d, slow = ran(0.9, 9), ran(0.5, 9), ran(0.7, 9), ran(0.6, 9), ran(0.1, 1)
    assert worse_half([b, a, d, c]) == [d, b]
    assert worse_half([b, a, d, c, slow]) == [d, b]
    assert worse_half([a, b]) == []


def test_the_error_of_a_trial_is_that_of_its_mean(trials: list[Trial]) -> None:
    a, b = trials[0].accuracies
    assert trials[0].error == pytest.approx(abs(a - b) / 2)
    assert trials[0].score == pytest.approx((a + b) / 2)
