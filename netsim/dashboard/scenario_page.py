"""A scenario's text and its numbers side by side, judged at every change as `netsim check` does, and launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from netsim.dashboard.address import DashboardError
from netsim.dashboard.layout import link, words
from netsim.dashboard.scenario_numbers import Number, changed, numbers_of
from netsim.dashboard.state import DashboardState, Source, asked, empty
from netsim.scenario import ScenarioError, grow, load_text
from netsim.scenario.yaml_document import UnreadableError

Verdict = tuple[str, bool]
"""What is to be said about a text, and whether it can be launched."""


def layout(desk: DashboardState, search: str | None) -> html.Div:
    """The page: a choice of scenarios, then the text of the chosen one."""
    chosen, draft = asked(search, "scenario"), desk.drafts.get(asked(search, "draft"))
    source = _opened(desk, chosen) if draft is None else Source(draft, "draft.yaml")
    said, fine = verdict(source.text, source)
    text = dcc.Textarea(id="text", value=source.text, spellCheck=False, rows=28)
    label = html.Label(f"Scenario ({source.name})", htmlFor="text")
    numbers = html.Div([html.H2("Its numbers"), html.Div(fields(source.text), id="numbers")])
    launch = html.Button("Run", id="launch", n_clicks=0, disabled=not fine)
    return html.Div(
        [
            html.H1("New run"),
            html.Details([html.Summary("Begin with another scenario"), _choices(desk)], open=not search),
            html.Div([html.Div([label, text]), numbers], className="editor"),
            html.Pre(said, id="verdict", role="status", className="fine" if fine else "wrong"),
            html.Div([launch, html.Span(id="launch-told", role="alert")], className="row"),
            dcc.Store(id="source", data=chosen if draft is None else ""),
        ]
    )


def verdict(text: str, source: Source) -> Verdict:
    """What `netsim check` would say about a text: its lines where something is wrong, else what would run."""
    try:
        scenario = load_text(text, source.name, beside=source.beside)
    except ScenarioError as error:
        return str(error), False
    tree = grow(scenario)
    steps = scenario.layered_algorithm.steps(tree.depth)
    nodes = f"{len(tree.devices)} devices, {tree.depth} layers"
    said = f"{scenario.name}: fine. {nodes}, {steps} local steps per global round"
    return f"{said}, at most {scenario.stop.rounds} rounds.", True


def fields(text: str) -> list[Any]:
    """A field for every number of a text, section by section; words instead where the text is no YAML."""
    try:
        found = numbers_of(text)
    except UnreadableError:
        return [words("The text cannot be read as it is; the message below says where.")]
    if not found:
        return [words("There are no numbers in it yet.")]
    return [
        html.Fieldset([html.Legend(section), *(_field(number) for number in numbers)])
        for section, numbers in groupby(found, lambda number: number.path.partition(".")[0].partition("[")[0])
    ]


def edited(text: str, path: str, value: object) -> str:
    """The text with a field's value in place. Raises ValueError where there is none."""
    return changed(text, path, "" if value is None else str(value))


def _field(number: Number) -> html.Label:
    key = {"kind": "number", "path": number.path}
    form = dcc.Input(id=key, type="text", value=number.text, debounce=0.3)
    words_ = number.path.replace(".", ".\n").split("\n")
    shown = [part for word in words_ for part in (word, html.Wbr())]
    return html.Label([html.Span(shown), form], className="number")


def _opened(desk: DashboardState, key: str) -> Source:
    return desk.source(key) if key else empty()


def _choices(desk: DashboardState) -> html.Ul:
    found = [html.Li(link(name, f"/edit?scenario={quote(name)}")) for name in desk.scenarios()]
    return html.Ul(found, className="choices")


def _changed(text: str, values: Mapping[str, object]) -> tuple[str, str]:
    """The text with the fields' values in it, and why one of them is not."""
    for path, value in values.items():
        try:
            text = edited(text, path, value)
        except (ValueError, UnreadableError) as error:
            return text, str(error)
    return text, ""


def register(app: Dash, desk: DashboardState) -> None:
    """Connect the page's callbacks."""

    @app.callback(
        Output("text", "value"),
        Output("numbers", "children"),
        Output("verdict", "children"),
        Output("verdict", "className"),
        Output("launch", "disabled"),
        Input("text", "value"),
        Input({"kind": "number", "path": ALL}, "value"),
        State({"kind": "number", "path": ALL}, "id"),
        State("source", "data"),
        prevent_initial_call=True,
    )
    def judged(
        text: str | None, values: Sequence[object], ids: Sequence[Mapping[str, str]], key: str
    ) -> tuple[Any, Any, str, str, bool]:
        text, wrong = text or "", ""
        moved = {one["path"] for one in ctx.triggered_prop_ids.values() if isinstance(one, dict)}
        typed = "text.value" in ctx.triggered_prop_ids
        if not typed:
            mine = {
                one["path"]: value for one, value in zip(ids, values, strict=True) if one["path"] in moved
            }
            text, wrong = _changed(text, mine)
        said, fine = (wrong, False) if wrong else verdict(text, _opened(desk, key))
        shown = (no_update, fields(text)) if typed else (text, no_update)
        return *shown, said, "fine" if fine else "wrong", not fine

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Output("launch-told", "children"),
        Input("launch", "n_clicks"),
        State("text", "value"),
        State("source", "data"),
        prevent_initial_call=True,
    )
    def launched(clicks: int, text: str, key: str) -> tuple[Any, str]:
        if not clicks:
            return no_update, ""
        try:
            job = desk.jobs.start(text, _opened(desk, key).beside)
        except (DashboardError, ScenarioError) as error:
            return no_update, str(error)
        return f"/follow?run={job.key}", ""
