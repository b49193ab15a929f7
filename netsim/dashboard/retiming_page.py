"""A finished run over another network: every link's bandwidth or rate has a slider, and nothing is trained again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import DashboardError, run_folder
from netsim.dashboard.layout import alert, figures, link, slider, stage, words
from netsim.dashboard.results_index import entries
from netsim.dashboard.state import DashboardState, asked
from netsim.network import Cell
from netsim.scenario import PARTS, Scenario, load_text, resolved
from netsim.units import quantities, render

if TYPE_CHECKING:
    from netsim.results.result import Result

STEPS = 20
"""Tenths of a decade to either side: a hundredth to a hundred times the run's own."""
_KINDS = ("frequency", "rate")
_FIXED = ("carrier",)
"""A frequency, but no bandwidth."""
LEDGER = "ledger"


@dataclass(frozen=True)
class LinkControl:
    """A bandwidth or rate of a layer: its path as overrides spell it, and the run's own value in SI units."""

    path: str
    label: str
    value: float
    dimension: str

    def at(self, step: int) -> str:
        """The value `step` tenths of a decade away, as scenarios write it; three digits but for its own."""
        moved = self.value if step == 0 else float(f"{self.value * 10 ** (step / 10):.3g}")
        return render(moved, self.dimension)


def link_controls(scenario: Scenario) -> list[LinkControl]:
    """What can be turned: of every layer its bandwidths and rates, from the devices up."""
    found = []
    for n, part in enumerate(scenario.network):
        name = PARTS["network"].name_of(type(part))
        source = part.radio if isinstance(part, Cell) else part
        for field, quantity in quantities(type(part)):
            value = getattr(source, field)
            if quantity.dimension in _KINDS and field not in _FIXED and isinstance(value, float | int):
                label = f"Layer {n + 1} {name} {field}"
                found.append(
                    LinkControl(f"network[{n}].{name}.{field}", label, float(value), quantity.dimension)
                )
    return found


def retimed_run(out: Path, old: Result, changes: Mapping[str, str]) -> Result:
    """The run with other values at some paths, every model's metrics taken from the ledger below `out`.

    Raises DashboardError where the ledger does not know them, ScenarioError where a value is out of bounds.
    """
    from learning.store.ledger import Ledger
    from netsim.simulation.result_assembly import HostClock, assemble_result
    from netsim.simulation.run import retime

    scenario = load_text(old.scenario_text, overrides=[f"{path}={value}" for path, value in changes.items()])
    if not (out / LEDGER).is_dir():
        raise DashboardError(UNKNOWN)
    host, ledger = HostClock(), Ledger(out / LEDGER)
    try:
        run, _ = retime(scenario, ledger=ledger, **_as_before(old))
    finally:
        ledger.close()
    if run is None:
        raise DashboardError(UNKNOWN)
    return assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)


def both(old: Result, new: Result) -> str:
    """The stage with the run as it was and as it would be."""
    from netsim.reports.comparison import comparison_sections
    from netsim.reports.several_runs import table_of_runs

    table, axes = table_of_runs([old] if new.digest == old.digest else [old, new])
    # The old run first, however the values lie: so it keeps its colour while the sliders move.
    return stage(comparison_sections(table.sort_values("point", kind="stable"), axes))


def told(old: Result, new: Result) -> str:
    """What the change does to the time, in a sentence."""
    from netsim.reports import formatting

    if new.digest == old.digest:
        return f"As it was run: {formatting.seconds(old.sim_time_s)} simulated. Move a slider."
    factor = new.sim_time_s / old.sim_time_s if old.sim_time_s else 1.0
    rounds = (
        ""
        if new.finished_rounds == old.finished_rounds
        else f", {new.finished_rounds} rounds in place of {old.finished_rounds}"
    )
    return (
        f"{formatting.seconds(new.sim_time_s)} simulated in place of {formatting.seconds(old.sim_time_s)} "
        f"({factor:.3g} times){rounds}; nothing was trained."
    )


def _as_before(old: Result) -> dict[str, Any]:
    """How its values were computed: they are known under these names alone."""
    numerics = old.manifest.get("numerics", {})
    engine = numerics.get("engine", "batched")
    if engine == "timing":
        raise DashboardError(
            "this run was simulated for its timing only; run its scenario over the other network"
        )
    device = "cuda" if str(numerics.get("device", "")).startswith("cuda") else "cpu"
    return {
        "engine": engine,
        "device": device,
        "strategy": numerics.get("strategy") if engine == "batched" else None,
    }


def layout(desk: DashboardState, search: str | None) -> html.Div:
    """The page of a run, or the choice of one. Raises DashboardError or ResultError."""
    key = asked(search, "run")
    if not key:
        return html.Div([html.H1("Re-time a run"), _choice(desk)])
    old = _result(desk, key)
    turned = link_controls(load_text(old.scenario_text))
    sliders = [_slider(control) for control in turned]
    launch = html.Button("Open as a new scenario", id="retime-edit", n_clicks=0)
    return html.Div(
        [
            html.H1(f"{old.name}, re-timed"),
            words(
                "Another network, the same models: what they scored comes from the ledger. The middle is as it was run."
            ),
            html.Div(sliders, className="link_controls")
            if sliders
            else words("Its links have no rate of their own to turn."),
            html.Div(id="retime-told", role="status"),
            html.Div([launch], className="row"),
            figures("retime"),
            dcc.Store(id="retime-run", data=key),
        ]
    )


def _slider(control: LinkControl) -> html.Div:
    told = {"kind": "knob-told", "path": control.path}
    return slider({"kind": "control", "path": control.path}, control.label, STEPS, told)


def _choice(desk: DashboardState) -> Any:
    found = [entry for entry in entries(desk.folder) if entry.status != "damaged"][:50]
    if not found:
        return words("No runs here yet. `New run` starts one.")
    return html.Ul([html.Li(link(entry.key, f"/retime?run={quote(entry.key, safe='')}")) for entry in found])


def _result(desk: DashboardState, key: str) -> Result:
    from netsim.results.result import Result

    return Result.load(run_folder(desk.folder, key))


def chosen(scenario: Scenario, steps: Mapping[str, int]) -> dict[str, str]:
    """The values of the knobs that were turned, by path; steps beyond the slider are cut to its ends."""
    found = {control.path: control for control in link_controls(scenario)}
    turned = {path: max(-STEPS, min(STEPS, step)) for path, step in steps.items() if path in found}
    return {path: found[path].at(step) for path, step in turned.items() if step}


def register(app: Dash, desk: DashboardState) -> None:
    """Connect the page's callbacks."""
    from learning.datasets import DataError
    from learning.store.ledger import LedgerError
    from netsim.build import BuildError
    from netsim.scenario import ScenarioError

    @app.callback(
        Output("retime", "data-page"),
        Output("retime-told", "children"),
        Output({"kind": "knob-told", "path": ALL}, "children"),
        Input({"kind": "control", "path": ALL}, "data"),
        State({"kind": "control", "path": ALL}, "id"),
        State("retime-run", "data"),
    )
    def turned(
        values: Sequence[Any], ids: Sequence[Mapping[str, str]], key: str
    ) -> tuple[Any, Any, list[str]]:
        old = _result(desk, key)
        scenario = load_text(old.scenario_text)
        steps = {one["path"]: int(value or 0) for one, value in zip(ids, values, strict=True)}
        labels = [
            control.at(steps[control.path]) for control in link_controls(scenario) if control.path in steps
        ]
        try:
            new = retimed_run(desk.folder, old, chosen(scenario, steps))
        except (DashboardError, ScenarioError, DataError, LedgerError, BuildError) as error:
            return no_update, alert(str(error)), labels
        return both(old, new), told(old, new), labels

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("retime-edit", "n_clicks"),
        State({"kind": "control", "path": ALL}, "data"),
        State({"kind": "control", "path": ALL}, "id"),
        State("retime-run", "data"),
        prevent_initial_call=True,
    )
    def opened(clicks: int, values: Sequence[Any], ids: Sequence[Mapping[str, str]], key: str) -> Any:
        if not clicks:
            return no_update
        text = _result(desk, key).scenario_text
        steps = {one["path"]: int(value or 0) for one, value in zip(ids, values, strict=True)}
        changes = [f"{path}={value}" for path, value in chosen(load_text(text), steps).items()]
        return desk.draft(resolved(load_text(text, overrides=changes)))


UNKNOWN = (
    "The ledger of this folder does not know all models of that run: it ran without one or elsewhere, or over this "
    "network others are aggregated (uploads late or lost, coded sizes). Open it as a new scenario and run it."
)
