"""The planner behind its slider: the plans of `netsim optimize --deadline`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.bounds.from_scenario import PlanError
from netsim.dashboard.planner_page import drawn, ground_of, plans
from netsim.dashboard.state import DashboardState
from netsim.planner.planner import Limits, plan
from netsim.scenario import load, load_text, resolved

QUICK = "quickstart"


def test_the_slider_s_middle_is_the_scenario_s_deadline_and_ten_steps_a_decade(desk: DashboardState) -> None:
    source = desk.source(QUICK)
    ground = ground_of(source.text, str(source.beside))
    assert [ground.deadline_s(step) for step in (-99, -10, 0, 10, 99)] == [0.07, 0.7, 7.0, 70.0, 700.0]


def test_without_a_deadline_the_middle_is_a_minute() -> None:
    text = resolved(load(QUICK, ["sweep={}", "stop={rounds: 4}"]))
    assert ground_of(text, "").deadline_s(0) == 60.0


def test_the_plans_are_the_planner_s_own(desk: DashboardState) -> None:
    source = desk.source(QUICK)
    found = plans(ground_of(source.text, str(source.beside)), 7.0, False)
    own = plan(load(QUICK, ["sweep={}"]), Limits(deadline_s=7.0))
    assert [one.summary() for one in found.plans] == [one.summary() for one in own.plans]
    applied = found.plans[0].apply(found.setting.scenario)
    assert load_text(resolved(applied)).stop.deadline == 7.0


def test_a_shorter_deadline_never_promises_more(desk: DashboardState) -> None:
    source = desk.source(QUICK)
    ground = ground_of(source.text, str(source.beside))
    bounds = [plans(ground, deadline_s, False).plans[0].value for deadline_s in (1.0, 7.0, 70.0)]
    assert bounds == sorted(bounds, reverse=True)


def test_the_page_has_the_table_the_landscape_and_the_costs(desk: DashboardState) -> None:
    source = desk.source(QUICK)
    page = json.loads(drawn(plans(ground_of(source.text, str(source.beside)), 7.0, True)))
    assert set(page["figures"]) == {"plot-landscape", "plot-front"}
    assert "<table>" in page["html"]


def test_a_deadline_in_which_nothing_fits_and_votes_are_refused_in_words(
    desk: DashboardState, results: Path
) -> None:
    source = desk.source(QUICK)
    with pytest.raises(PlanError, match="round"):
        plans(ground_of(source.text, str(source.beside)), 1e-4, False)
    votes = desk.source("mnist_hier_sign_sgd")
    with pytest.raises(PlanError, match="the bounds cover means"):
        ground_of(votes.text, str(votes.beside))
