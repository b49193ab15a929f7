"""The planner page: plans, bound and costs for a deadline that is set by a slider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.layout import alert, checkbox, link, paragraph, report_view, slider, view_json
from netsim.dashboard.state import DashboardState, query_value
from netsim.scenario import Scenario, load_text, resolved
from netsim.units import render

if TYPE_CHECKING:
    from netsim.bounds.from_scenario import PlanContext
    from netsim.planner.planner import Planned

STEPS = 20
"""Steps of the slider on either side of the scenario's deadline; a step is a tenth of a decade."""
DEFAULT_DEADLINE_S = 60.0
"""The centre of the slider for a scenario without a deadline."""


@dataclass(frozen=True)
class PlannerInput:
    """A scenario and the planner's context for it."""

    scenario: Scenario
    context: PlanContext

    def deadline_s(self, step: int) -> float:
        """The deadline `step` tenths of a decade from the scenario's, three digits; steps are clipped to the slider."""
        centre = self.scenario.stop.deadline or DEFAULT_DEADLINE_S
        return float(f"{centre * 10 ** (max(-STEPS, min(STEPS, step)) / 10):.3g}")


@lru_cache(maxsize=8)
def planner_input(text: str, beside: str) -> PlannerInput:
    """Read a scenario for the planner. Raises ScenarioError or PlanError."""
    from pathlib import Path

    from netsim.bounds.from_scenario import plan_context

    scenario = load_text(text, overrides=["sweep={}"], beside=Path(beside) if beside else None)
    return PlannerInput(scenario, plan_context(scenario))


def compute_plans(planner_input: PlannerInput, deadline_s: float, is_rate_free: bool) -> Planned:
    """The plans for a deadline, as with `netsim optimize --deadline`.

    `is_rate_free` optimizes the learning rate too (`--mode joint-1`). Raises PlanError.
    """
    from dataclasses import replace

    from netsim.planner.planner import Limits, Options, make_plans

    stop = planner_input.scenario.stop.model_copy(update={"deadline": deadline_s})
    scenario = planner_input.scenario.model_copy(update={"stop": stop})
    return make_plans(
        replace(planner_input.context, scenario=scenario),
        Limits(deadline_s=deadline_s),
        Options("joint-1" if is_rate_free else "fixed"),
    )


def plan_view_json(planned: Planned) -> str:
    """The JSON of a report view: the plan, the table of plans, the bound over two taus, and the costs."""
    from netsim.planner.plan_page_data import plan_page_data
    from netsim.reports.plan_page import plan_page_opening, plan_page_sections

    data = plan_page_data(planned, [], planned.plans[0])
    return view_json(plan_page_sections(data), plan_page_opening(data))


def layout(state: DashboardState, search: str | None) -> html.Div:
    """The page of a scenario, or the list of scenarios. Raises DashboardError."""
    key = query_value(search, "scenario")
    if not key:
        items = [html.Li(link(name, f"/plan?scenario={quote(name)}")) for name in state.scenarios()]
        text = paragraph(
            "Select a scenario. The planner covers mean aggregation with unbiased compressors: qmlhfl, hier_favg, "
            "fedavg ..."
        )
        return html.Div([html.H1("Plan for a deadline"), text, html.Ul(items, className="choices")])
    state.source(key)  # raises DashboardError if there is none
    return html.Div(
        [
            html.H1(f"{key}: plan for a deadline"),
            html.Div(
                [
                    slider("plan-deadline", "Deadline", STEPS, "plan-deadline-value"),
                    checkbox("plan-rate", "Optimize the learning rate too"),
                ],
                className="sliders",
            ),
            html.Div(id="plan-status", role="status"),
            html.Div(
                [html.Button("Open the plan as a scenario", id="plan-edit", n_clicks=0)], className="row"
            ),
            report_view("plan"),
            dcc.Store(id="plan-source", data=key),
        ]
    )


def register(app: Dash, state: DashboardState) -> None:
    """Connect the callbacks of the planner page."""
    from learning.datasets import DataError
    from netsim.bounds.from_scenario import PlanError
    from netsim.build import BuildError
    from netsim.scenario import ScenarioError

    def load_input(key: str) -> PlannerInput:
        source = state.source(key)
        return planner_input(source.text, str(source.folder or ""))

    @app.callback(
        Output("plan", "data-page"),
        Output("plan-status", "children"),
        Output("plan-deadline-value", "children"),
        Output("plan-edit", "disabled"),
        Input("plan-deadline", "data"),
        Input("plan-rate", "data"),
        State("plan-source", "data"),
    )
    def update_plans(step: Any, is_rate_free: bool, key: str) -> tuple[Any, Any, Any, bool]:
        deadline: Any = no_update
        try:
            loaded = load_input(key)
            deadline_s = loaded.deadline_s(int(step or 0))
            deadline = render(deadline_s, "time")
            return plan_view_json(compute_plans(loaded, deadline_s, is_rate_free)), "", deadline, False
        except (PlanError, ScenarioError, DataError, BuildError) as error:
            return "", alert(str(error)), deadline, True

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("plan-edit", "n_clicks"),
        State("plan-deadline", "data"),
        State("plan-rate", "data"),
        State("plan-source", "data"),
        prevent_initial_call=True,
    )
    def open_plan(clicks: int, step: Any, is_rate_free: bool, key: str) -> Any:
        if not clicks:
            return no_update
        loaded = load_input(key)
        planned = compute_plans(loaded, loaded.deadline_s(int(step or 0)), is_rate_free)
        return state.save_draft(resolved(planned.plans[0].apply(planned.setting.scenario)))
