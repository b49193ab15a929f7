"""The scenario editor: text and number fields, checked on every change as with `netsim check`, and a run button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from netsim.dashboard.address import DashboardError
from netsim.dashboard.layout import link, paragraph
from netsim.dashboard.scenario_numbers import Number, find_numbers, replace_number
from netsim.dashboard.state import DashboardState, Source, query_value, sample_source
from netsim.scenario import ScenarioError, grow, load_text
from netsim.scenario.yaml_document import UnreadableError

CheckResult = tuple[str, bool]
"""The message about a text, and whether it can be run."""


def layout(state: DashboardState, search: str | None) -> html.Div:
    """The page: the list of scenarios, then the text of the selected one."""
    selected, draft = query_value(search, "scenario"), state.drafts.get(query_value(search, "draft"))
    source = _source(state, selected) if draft is None else Source(draft, "draft.yaml")
    message, is_valid = check_text(source.text, source)
    text = dcc.Textarea(id="text", value=source.text, spellCheck=False, rows=28)
    label = html.Label(f"Scenario ({source.name})", htmlFor="text")
    numbers = html.Div([html.H2("Numbers"), html.Div(number_fields(source.text), id="numbers")])
    launch = html.Button("Run", id="launch", n_clicks=0, disabled=not is_valid)
    return html.Div(
        [
            html.H1("New run"),
            html.Details(
                [html.Summary("Start from another scenario"), _scenario_list(state)], open=not search
            ),
            html.Div([html.Div([label, text]), numbers], className="editor"),
            html.Pre(message, id="check", role="status", className="valid" if is_valid else "invalid"),
            html.Div([launch, html.Span(id="launch-status", role="alert")], className="row"),
            dcc.Store(id="source", data=selected if draft is None else ""),
        ]
    )


def check_text(text: str, source: Source) -> CheckResult:
    """Check a text as `netsim check` does: return the error lines, or a summary of the run, and whether it is valid."""
    try:
        scenario = load_text(text, source.name, beside=source.folder)
    except ScenarioError as error:
        return str(error), False
    tree = grow(scenario)
    steps = scenario.layered_algorithm.steps(tree.depth)
    nodes = f"{len(tree.devices)} devices, {tree.depth} layers"
    summary = f"{scenario.name}: valid. {nodes}, {steps} local steps per global round"
    return f"{summary}, at most {scenario.stop.rounds} rounds.", True


def number_fields(text: str) -> list[Any]:
    """An input field for every number of a text, by section; a message if there is none or the YAML is invalid."""
    try:
        numbers = find_numbers(text)
    except UnreadableError:
        return [paragraph("The text is not valid YAML; see the message below.")]
    if not numbers:
        return [paragraph("The text contains no numbers.")]
    return [
        html.Fieldset([html.Legend(section), *(_field(number) for number in members)])
        for section, members in groupby(
            numbers, lambda number: number.path.partition(".")[0].partition("[")[0]
        )
    ]


def _field(number: Number) -> html.Label:
    key = {"kind": "number", "path": number.path}
    form = dcc.Input(id=key, type="text", value=number.text, debounce=0.3)
    keys = number.path.replace(".", ".\n").split("\n")
    label = [part for key_text in keys for part in (key_text, html.Wbr())]
    return html.Label([html.Span(label), form], className="number")


def _source(state: DashboardState, key: str) -> Source:
    return state.source(key) if key else sample_source()


def _scenario_list(state: DashboardState) -> html.Ul:
    items = [html.Li(link(name, f"/edit?scenario={quote(name)}")) for name in state.scenarios()]
    return html.Ul(items, className="choices")


def _replace_numbers(text: str, values: Mapping[str, object]) -> tuple[str, str]:
    """The text with the values of the fields, and the error message of an invalid one."""
    for path, value in values.items():
        try:
            text = replace_number(text, path, "" if value is None else str(value))
        except (ValueError, UnreadableError) as error:
            return text, str(error)
    return text, ""


def register(app: Dash, state: DashboardState) -> None:
    """Connect the callbacks of the scenario page."""

    @app.callback(
        Output("text", "value"),
        Output("numbers", "children"),
        Output("check", "children"),
        Output("check", "className"),
        Output("launch", "disabled"),
        Input("text", "value"),
        Input({"kind": "number", "path": ALL}, "value"),
        State({"kind": "number", "path": ALL}, "id"),
        State("source", "data"),
        prevent_initial_call=True,
    )
    def update_check(
        text: str | None, values: Sequence[object], ids: Sequence[Mapping[str, str]], key: str
    ) -> tuple[Any, Any, str, str, bool]:
        text, error = text or "", ""
        changed = {one["path"] for one in ctx.triggered_prop_ids.values() if isinstance(one, dict)}
        is_text_edited = "text.value" in ctx.triggered_prop_ids
        if not is_text_edited:
            new_values = {
                one["path"]: value for one, value in zip(ids, values, strict=True) if one["path"] in changed
            }
            text, error = _replace_numbers(text, new_values)
        message, is_valid = (error, False) if error else check_text(text, _source(state, key))
        content = (no_update, number_fields(text)) if is_text_edited else (text, no_update)
        return *content, message, "valid" if is_valid else "invalid", not is_valid

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Output("launch-status", "children"),
        Input("launch", "n_clicks"),
        State("text", "value"),
        State("source", "data"),
        prevent_initial_call=True,
    )
    def launch(clicks: int, text: str, key: str) -> tuple[Any, str]:
        if not clicks:
            return no_update, ""
        try:
            job = state.jobs.start(text, _source(state, key).folder)
        except (DashboardError, ScenarioError) as error:
            return no_update, str(error)
        return f"/follow?run={job.key}", ""
