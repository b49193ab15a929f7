"""The planner page: deadlines of the slider, and the plans of `netsim optimize --deadline`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.bounds.from_scenario import PlanError
from netsim.dashboard.planner_page import compute_plans, plan_view_json, planner_input
from netsim.dashboard.state import DashboardState
from netsim.planner.planner import Limits, plan
from netsim.scenario import load, load_text, resolved

QUICK = "quickstart"


def test_the_slider_is_centred_at_the_scenario_s_deadline_with_ten_steps_per_decade(
    state: DashboardState,
) -> None:
    source = state.source(QUICK)
    loaded = planner_input(source.text, str(source.folder))
    assert [loaded.deadline_s(step) for step in (-99, -10, 0, 10, 99)] == [0.07, 0.7, 7.0, 70.0, 700.0]


def test_without_a_deadline_the_slider_is_centred_at_a_minute() -> None:
    text = resolved(load(QUICK, ["sweep={}", "stop={rounds: 4}"]))
    assert planner_input(text, "").deadline_s(0) == 60.0


def test_the_plans_are_those_of_the_planner(state: DashboardState) -> None:
    source = state.source(QUICK)
    planned = compute_plans(planner_input(source.text, str(source.folder)), 7.0, False)
    expected = plan(load(QUICK, ["sweep={}"]), Limits(deadline_s=7.0))
    assert [one.summary() for one in planned.plans] == [one.summary() for one in expected.plans]
    applied = planned.plans[0].apply(planned.setting.scenario)
    assert load_text(resolved(applied)).stop.deadline == 7.0


def test_the_bound_does_not_increase_with_the_deadline(state: DashboardState) -> None:
    source = state.source(QUICK)
    loaded = planner_input(source.text, str(source.folder))
    bounds = [compute_plans(loaded, deadline_s, False).plans[0].value for deadline_s in (1.0, 7.0, 70.0)]
    assert bounds == sorted(bounds, reverse=True)


def test_the_page_has_the_table_the_bound_map_and_the_costs(state: DashboardState) -> None:
    source = state.source(QUICK)
    page = json.loads(
        plan_view_json(compute_plans(planner_input(source.text, str(source.folder)), 7.0, True))
    )
    assert set(page["figures"]) == {"plot-landscape", "plot-front"}
    assert "<table>" in page["html"]


def test_too_short_deadlines_and_sign_votes_are_rejected(state: DashboardState, results: Path) -> None:
    source = state.source(QUICK)
    with pytest.raises(PlanError, match="round"):
        compute_plans(planner_input(source.text, str(source.folder)), 1e-4, False)
    votes = state.source("mnist_hier_sign_sgd")
    with pytest.raises(PlanError, match="the bounds cover means"):
        planner_input(votes.text, str(votes.folder))
