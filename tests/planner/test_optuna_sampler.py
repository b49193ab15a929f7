"""Proposals by optuna's TPE: within the feasible region, judged by real runs, the same every time."""

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
def found() -> Planned:
    return planned(scene())


def judged(plans: Sequence[Plan]) -> list[Trial]:
    """Best where the local work per round is near 16: no run is needed to test the search."""
    done = []
    for plan in plans:
        score = -abs(float(np.log2(np.prod(plan.tau) / 16)))
        done.append(Trial(plan, False, 1.0, (score,), (0.0,), (1,), (1.0,), (1.0,), (1.0,)))
    return done


def optuna() -> None:
    pytest.importorskip("optuna", reason="the extra `optuna` installs optuna")


def test_proposals_fit_the_budget_and_differ(found: Planned) -> None:
    optuna()
    plans = [trial.plan for trial in sample_plans(found, 12, judged)]
    assert len({plan.tau for plan in plans}) == len(plans) == 12
    assert all(plan.rounds >= 1 and plan.predicted_time_s <= 20.0 for plan in plans)
    assert plans[:3] == list(found.plans[:3])


def test_it_learns_where_the_score_is_high(found: Planned) -> None:
    """Later proposals lie nearer to the best work per round than the first ones, which are drawn at random."""
    optuna()
    scores = [trial.score for trial in sample_plans(found, 60, judged)]
    assert np.mean(scores[-20:]) > np.mean(scores[15:35]) - 1e-9
    assert max(scores) > -0.2


def test_the_same_seed_proposes_the_same(found: Planned) -> None:
    optuna()
    first, again = ([t.plan for t in sample_plans(found, 8, judged)] for _ in range(2))
    assert first == again


def test_a_run_that_diverged_ends_nothing(found: Planned) -> None:
    optuna()

    def lost(plans: Sequence[Plan]) -> list[Trial]:
        return [replace(t, accuracies=(float("nan"),), losses=(float("nan"),)) for t in judged(plans)]

    assert len(sample_plans(found, 6, lost)) == 6


def test_levels_and_the_rate_are_proposed_where_they_are_free() -> None:
    optuna()
    free_values = planned(scene(), Options("joint-1", levels=True))
    plans = [trial.plan for trial in sample_plans(free_values, 12, judged)]
    assert len({plan.levels for plan in plans}) > 3
    rates = [plan.learning_rate / free_values.plans[0].learning_rate for plan in plans]
    assert len(set(rates)) > 6
    assert all(1 / RANGE <= rate <= RANGE for rate in rates)


def test_real_runs_judge_and_the_bound_s_own_choice_is_among_them(found: Planned, tmp_path: Path) -> None:
    optuna()
    trials = refine(found, 3, 1, 1, 1, tmp_path, lambda line: None, "optuna")
    scores = [trial.score for trial in trials if not trial.random]
    assert scores == sorted(scores, reverse=True)
    assert any(trial.plan.tau == found.plans[0].tau for trial in trials)
    assert [trial.random for trial in trials] == [False] * 3 + [True]


def test_without_optuna_the_error_names_the_extra(found: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.\[optuna\]'"):
        sample_plans(found, 2, judged)
