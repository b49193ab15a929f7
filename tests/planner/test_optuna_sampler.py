"""Proposals of Optuna's TPE sampler: feasible, evaluated by runs, reproducible."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netsim.exports.missing_extra import MissingExtraError
from netsim.planner.optuna_sampler import RANGE, sample_plans
from netsim.planner.plan import Plan
from netsim.planner.planner import Options, Planned
from netsim.planner.refinement import refine
from netsim.planner.trials import Trial

from .sample_scenarios import planned, scene


@pytest.fixture(scope="module")
def planned_scene() -> Planned:
    return planned(scene())


def score_plans(plans: Sequence[Plan]) -> list[Trial]:
    """A synthetic score that is largest for 16 local steps per round; needs no run."""
    done = []
    for plan in plans:
        score = -abs(float(np.log2(np.prod(plan.tau) / 16)))
        done.append(Trial(plan, False, 1.0, (score,), (0.0,), (1,), (1.0,), (1.0,), (1.0,)))
    return done


def require_optuna() -> None:
    pytest.importorskip("optuna", reason="the extra `optuna` installs optuna")


def test_proposals_fit_the_budget_and_differ(planned_scene: Planned) -> None:
    require_optuna()
    plans = [trial.plan for trial in sample_plans(planned_scene, 12, score_plans)]
    assert len({plan.tau for plan in plans}) == len(plans) == 12
    assert all(plan.rounds >= 1 and plan.predicted_time_s <= 20.0 for plan in plans)
    assert plans[:3] == list(planned_scene.plans[:3])


def test_later_proposals_have_higher_scores(planned_scene: Planned) -> None:
    """Later proposals are closer to the optimum than the first ones, which are random."""
    require_optuna()
    scores = [trial.score for trial in sample_plans(planned_scene, 60, score_plans)]
    assert np.mean(scores[-20:]) > np.mean(scores[15:35]) - 1e-9
    assert max(scores) > -0.2


def test_equal_seeds_give_equal_proposals(planned_scene: Planned) -> None:
    require_optuna()
    first, second = ([t.plan for t in sample_plans(planned_scene, 8, score_plans)] for _ in range(2))
    assert first == second


def test_a_diverged_trial_does_not_stop_the_search(planned_scene: Planned) -> None:
    require_optuna()

    def diverge(plans: Sequence[Plan]) -> list[Trial]:
        return [replace(t, accuracies=(float("nan"),), losses=(float("nan"),)) for t in score_plans(plans)]

    assert len(sample_plans(planned_scene, 6, diverge)) == 6


def test_levels_and_rate_are_proposed_if_they_are_free() -> None:
    require_optuna()
    planned_free = planned(scene(), Options("joint-1", levels=True))
    plans = [trial.plan for trial in sample_plans(planned_free, 12, score_plans)]
    assert len({plan.levels for plan in plans}) > 3
    rates = [plan.learning_rate / planned_free.plans[0].learning_rate for plan in plans]
    assert len(set(rates)) > 6
    assert all(1 / RANGE <= rate <= RANGE for rate in rates)


def test_proposals_are_evaluated_by_runs_and_include_the_plan_of_the_bound(
    planned_scene: Planned, tmp_path: Path
) -> None:
    require_optuna()
    trials = refine(planned_scene, 3, 1, 1, 1, tmp_path, lambda line: None, "optuna")
    scores = [trial.score for trial in trials if not trial.random]
    assert scores == sorted(scores, reverse=True)
    assert any(trial.plan.tau == planned_scene.plans[0].tau for trial in trials)
    assert [trial.random for trial in trials] == [False] * 3 + [True]


def test_without_optuna_the_error_names_the_extra(
    planned_scene: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.\[optuna\]'"):
        sample_plans(planned_scene, 2, score_plans)
