"""The planner under a deadline that a slider moves: the best taus, what the bound promises, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.layout import alert, figures, link, slider, stage, tick, words
from netsim.dashboard.state import DashboardState, asked
from netsim.scenario import Scenario, load_text, resolved
from netsim.units import render

if TYPE_CHECKING:
    from netsim.bounds.from_scenario import Setting
    from netsim.planner.planner import Planned

STEPS = 20
"""Tenths of a decade to either side of the scenario's own deadline."""
USUAL_S = 60.0
"""The middle of the slider for a scenario without a deadline."""


@dataclass(frozen=True)
class Ground:
    """A scenario, and what the planner has read of it."""

    scenario: Scenario
    setting: Setting

    def deadline_s(self, step: int) -> float:
        """The deadline `step` tenths of a decade from the scenario's own, three digits; beyond the ends the end."""
        middle = self.scenario.stop.deadline or USUAL_S
        return float(f"{middle * 10 ** (max(-STEPS, min(STEPS, step)) / 10):.3g}")


@lru_cache(maxsize=8)
def ground_of(text: str, beside: str) -> Ground:
    """A scenario's text as the planner reads it. Raises ScenarioError or PlanError."""
    from pathlib import Path

    from netsim.bounds.from_scenario import setting_of

    whole = load_text(text, overrides=["sweep={}"], beside=Path(beside) if beside else None)
    return Ground(whole, setting_of(whole))


def plans(ground: Ground, deadline_s: float, free: bool) -> Planned:
    """The plans under a deadline, as `netsim optimize --deadline` finds them, `free` with `--mode joint-1`.

    Raises PlanError.
    """
    from dataclasses import replace

    from netsim.planner.planner import Limits, Options, make_plans

    stop = ground.scenario.stop.model_copy(update={"deadline": deadline_s})
    setting = replace(ground.setting, scenario=ground.scenario.model_copy(update={"stop": stop}))
    return make_plans(setting, Limits(deadline_s=deadline_s), Options("joint-1" if free else "fixed"))


def drawn(planned: Planned) -> str:
    """The stage: the plan, the table of plans, the bound over two taus, what it costs."""
    from netsim.planner.plan_page_data import picture
    from netsim.reports.plan_page import planning_opening, planning_sections

    seen = picture(planned, [], planned.plans[0])
    return stage(planning_sections(seen), planning_opening(seen))


def layout(desk: DashboardState, search: str | None) -> html.Div:
    """The page of a scenario, or the choice of one. Raises DashboardError."""
    key = asked(search, "scenario")
    if not key:
        found = [html.Li(link(name, f"/plan?scenario={quote(name)}")) for name in desk.scenarios()]
        told = words(
            "Which scenario? The planner covers means with unbiased compressors: qmlhfl, hier_favg, fedavg ..."
        )
        return html.Div([html.H1("Plan before a deadline"), told, html.Ul(found, className="choices")])
    desk.source(key)  # says so where there is none
    return html.Div(
        [
            html.H1(f"{key}: plan before a deadline"),
            html.Div(
                [
                    slider("plan-deadline", "Deadline", STEPS, "plan-deadline-told"),
                    tick("plan-rate", "Choose the learning rate too"),
                ],
                className="link_controls",
            ),
            html.Div(id="plan-told", role="status"),
            html.Div(
                [html.Button("Open the plan as a scenario", id="plan-edit", n_clicks=0)], className="row"
            ),
            figures("plan"),
            dcc.Store(id="plan-source", data=key),
        ]
    )


def register(app: Dash, desk: DashboardState) -> None:
    """Connect the page's callbacks."""
    from learning.datasets import DataError
    from netsim.bounds.from_scenario import PlanError
    from netsim.build import BuildError
    from netsim.scenario import ScenarioError

    def ground(key: str) -> Ground:
        source = desk.source(key)
        return ground_of(source.text, str(source.beside or ""))

    @app.callback(
        Output("plan", "data-page"),
        Output("plan-told", "children"),
        Output("plan-deadline-told", "children"),
        Output("plan-edit", "disabled"),
        Input("plan-deadline", "data"),
        Input("plan-rate", "data"),
        State("plan-source", "data"),
    )
    def planned(step: Any, free: bool, key: str) -> tuple[Any, Any, Any, bool]:
        at: Any = no_update
        try:
            here = ground(key)
            deadline_s = here.deadline_s(int(step or 0))
            at = render(deadline_s, "time")
            return drawn(plans(here, deadline_s, free)), "", at, False
        except (PlanError, ScenarioError, DataError, BuildError) as error:
            return "", alert(str(error)), at, True

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("plan-edit", "n_clicks"),
        State("plan-deadline", "data"),
        State("plan-rate", "data"),
        State("plan-source", "data"),
        prevent_initial_call=True,
    )
    def opened(clicks: int, step: Any, free: bool, key: str) -> Any:
        if not clicks:
            return no_update
        here = ground(key)
        found = plans(here, here.deadline_s(int(step or 0)), free)
        return desk.draft(resolved(found.plans[0].apply(found.setting.scenario)))
