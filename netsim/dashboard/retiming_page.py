"""Re-timing of a finished run: sliders change the bandwidths and rates of its links, without new training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import DashboardError, run_folder
from netsim.dashboard.layout import alert, link, paragraph, report_view, slider, view_json
from netsim.dashboard.results_index import list_runs
from netsim.dashboard.state import DashboardState, query_value
from netsim.network import Cell
from netsim.scenario import PARTS, Scenario, load_text, resolved
from netsim.units import quantities, render

if TYPE_CHECKING:
    from netsim.results.result import Result

STEPS = 20
"""Steps on either side of a slider, a tenth of a decade each: a hundredth to a hundred times the run's value."""
_DIMENSIONS = ("frequency", "rate")
_EXCLUDED = ("carrier",)
"""Frequencies that are not bandwidths."""
LEDGER = "ledger"


@dataclass(frozen=True)
class LinkControl:
    """A bandwidth or rate of a layer: its override path, and the run's value in SI units."""

    path: str
    label: str
    value: float
    dimension: str

    def value_at(self, step: int) -> str:
        """The value `step` tenths of a decade from the run's, with unit; three digits except for step 0."""
        moved = self.value if step == 0 else float(f"{self.value * 10 ** (step / 10):.3g}")
        return render(moved, self.dimension)


def link_controls(scenario: Scenario) -> list[LinkControl]:
    """The adjustable bandwidths and rates of every layer, from the devices up."""
    controls = []
    for n, part in enumerate(scenario.network):
        name = PARTS["network"].name_of(type(part))
        source = part.radio if isinstance(part, Cell) else part
        for field, quantity in quantities(type(part)):
            value = getattr(source, field)
            if (
                quantity.dimension in _DIMENSIONS
                and field not in _EXCLUDED
                and isinstance(value, float | int)
            ):
                label = f"Layer {n + 1} {name} {field}"
                controls.append(
                    LinkControl(f"network[{n}].{name}.{field}", label, float(value), quantity.dimension)
                )
    return controls


def retime_run(out: Path, old: Result, changes: Mapping[str, str]) -> Result:
    """Re-time a run with changed values by path; the metrics of its models are read from the ledger in `out`.

    Raises DashboardError if the ledger lacks a model, ScenarioError if a value is invalid.
    """
    from learning.store.ledger import Ledger
    from netsim.simulation.result_assembly import HostClock, assemble_result
    from netsim.simulation.run import retime

    scenario = load_text(old.scenario_text, overrides=[f"{path}={value}" for path, value in changes.items()])
    if not (out / LEDGER).is_dir():
        raise DashboardError(NOT_IN_LEDGER)
    host, ledger = HostClock(), Ledger(out / LEDGER)
    try:
        run, _ = retime(scenario, ledger=ledger, **_numerics_arguments(old))
    finally:
        ledger.close()
    if run is None:
        raise DashboardError(NOT_IN_LEDGER)
    return assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)


def comparison_json(old: Result, new: Result) -> str:
    """The view JSON of the original and the re-timed run."""
    from netsim.reports.comparison import comparison_sections
    from netsim.reports.several_runs import table_of_runs

    table, axes = table_of_runs([old] if new.digest == old.digest else [old, new])
    # The original run is first for all values, so that it keeps its colour.
    return view_json(comparison_sections(table.sort_values("point", kind="stable"), axes))


def time_change(old: Result, new: Result) -> str:
    """The effect of the change on the simulated time, as a sentence."""
    from netsim.reports import formatting

    if new.digest == old.digest:
        return f"Original run: {formatting.seconds(old.sim_time_s)} simulated. Move a slider to change the network."
    factor = new.sim_time_s / old.sim_time_s if old.sim_time_s else 1.0
    rounds = (
        ""
        if new.finished_rounds == old.finished_rounds
        else f", {new.finished_rounds} rounds instead of {old.finished_rounds}"
    )
    return (
        f"{formatting.seconds(new.sim_time_s)} simulated instead of {formatting.seconds(old.sim_time_s)} "
        f"({factor:.3g} times){rounds}; nothing was trained."
    )


def _numerics_arguments(old: Result) -> dict[str, Any]:
    """The arguments of `retime` with which the run's models are stored in the ledger."""
    numerics = old.manifest.get("numerics", {})
    engine = numerics.get("engine", "batched")
    if engine == "timing":
        raise DashboardError(
            "this run was simulated for its timing only; run its scenario with the other network"
        )
    device = "cuda" if str(numerics.get("device", "")).startswith("cuda") else "cpu"
    return {
        "engine": engine,
        "device": device,
        "strategy": numerics.get("strategy") if engine == "batched" else None,
    }


def layout(state: DashboardState, search: str | None) -> html.Div:
    """The page of a run, or the list of runs. Raises DashboardError or ResultError."""
    key = query_value(search, "run")
    if not key:
        return html.Div([html.H1("Re-time a run"), _run_list(state)])
    old = _result(state, key)
    controls = link_controls(load_text(old.scenario_text))
    sliders = [_slider(control) for control in controls]
    button = html.Button("Open as a new scenario", id="retime-edit", n_clicks=0)
    return html.Div(
        [
            html.H1(f"{old.name}, re-timed"),
            paragraph(
                "The same models with another network; their metrics are read from the ledger. The centre of a slider "
                "is the value of the run."
            ),
            html.Div(sliders, className="sliders")
            if sliders
            else paragraph("Its links have no adjustable rate."),
            html.Div(id="retime-status", role="status"),
            html.Div([button], className="row"),
            report_view("retime"),
            dcc.Store(id="retime-run", data=key),
        ]
    )


def _slider(control: LinkControl) -> html.Div:
    output = {"kind": "control-value", "path": control.path}
    return slider({"kind": "control", "path": control.path}, control.label, STEPS, output)


def _run_list(state: DashboardState) -> Any:
    entries = [entry for entry in list_runs(state.folder) if entry.status != "damaged"][:50]
    if not entries:
        return paragraph("There are no runs. `New run` starts one.")
    return html.Ul(
        [html.Li(link(entry.key, f"/retime?run={quote(entry.key, safe='')}")) for entry in entries]
    )


def _result(state: DashboardState, key: str) -> Result:
    from netsim.results.result import Result

    return Result.load(run_folder(state.folder, key))


def changed_values(scenario: Scenario, steps: Mapping[str, int]) -> dict[str, str]:
    """The changed values by path; steps beyond the ends of a slider are clipped."""
    controls = {control.path: control for control in link_controls(scenario)}
    clipped = {path: max(-STEPS, min(STEPS, step)) for path, step in steps.items() if path in controls}
    return {path: controls[path].value_at(step) for path, step in clipped.items() if step}


def register(app: Dash, state: DashboardState) -> None:
    """Connect the callbacks of the re-timing page."""
    from learning.datasets import DataError
    from learning.store.ledger import LedgerError
    from netsim.build import BuildError
    from netsim.scenario import ScenarioError

    @app.callback(
        Output("retime", "data-page"),
        Output("retime-status", "children"),
        Output({"kind": "control-value", "path": ALL}, "children"),
        Input({"kind": "control", "path": ALL}, "data"),
        State({"kind": "control", "path": ALL}, "id"),
        State("retime-run", "data"),
    )
    def update_view(
        values: Sequence[Any], ids: Sequence[Mapping[str, str]], key: str
    ) -> tuple[Any, Any, list[str]]:
        old = _result(state, key)
        scenario = load_text(old.scenario_text)
        steps = {one["path"]: int(value or 0) for one, value in zip(ids, values, strict=True)}
        labels = [
            control.value_at(steps[control.path])
            for control in link_controls(scenario)
            if control.path in steps
        ]
        try:
            new = retime_run(state.folder, old, changed_values(scenario, steps))
        except (DashboardError, ScenarioError, DataError, LedgerError, BuildError) as error:
            return no_update, alert(str(error)), labels
        return comparison_json(old, new), time_change(old, new), labels

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("retime-edit", "n_clicks"),
        State({"kind": "control", "path": ALL}, "data"),
        State({"kind": "control", "path": ALL}, "id"),
        State("retime-run", "data"),
        prevent_initial_call=True,
    )
    def open_scenario(clicks: int, values: Sequence[Any], ids: Sequence[Mapping[str, str]], key: str) -> Any:
        if not clicks:
            return no_update
        text = _result(state, key).scenario_text
        steps = {one["path"]: int(value or 0) for one, value in zip(ids, values, strict=True)}
        changes = [f"{path}={value}" for path, value in changed_values(load_text(text), steps).items()]
        return state.save_draft(resolved(load_text(text, overrides=changes)))


NOT_IN_LEDGER = (
    "The ledger of this folder does not contain all models of the run. The run had no ledger or another folder, or "
    "with this network other models are aggregated (late or lost uploads, coded sizes). Open it as a new scenario "
    "and run it."
)
