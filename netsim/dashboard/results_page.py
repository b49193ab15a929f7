"""The start page: all runs and sweeps of the folder, and the comparison of selected runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import DashboardError, run_folder, sweep_folder
from netsim.dashboard.layout import attribute, checkbox, link, paragraph, report_view, view_json
from netsim.dashboard.live_run_page import status_text
from netsim.dashboard.results_index import MAX_ROWS, RunEntry, list_runs, list_sweeps
from netsim.dashboard.state import DashboardState, query_value
from netsim.reports import formatting
from netsim.results.live_feed import live_runs

MAX_COMPARED = 24
"""Maximum number of runs in a comparison."""
COLUMNS = (
    "Run",
    "Algorithm",
    "tau",
    "Rounds",
    "Final accuracy",
    "Simulated time",
    "Payload",
    "Energy",
    "Status",
    "",
)


def layout(state: DashboardState) -> html.Div:
    """The page."""
    introduction = paragraph(
        "Select runs and compare them, or open one. New results in this folder are added."
    )
    label = html.Label([html.Span("Filter"), dcc.Input(id="words", type="search", value="", debounce=0.3)])
    button = html.Button("Compare", id="compare", n_clicks=0)
    row = html.Div([label, button, html.Span(id="compare-status", role="status")], className="row")
    sections = [
        html.H1("Runs"),
        *_active_runs(state),
        introduction,
        row,
        html.Div(id="runs"),
        *_sweeps(state),
    ]
    return html.Div([*sections, dcc.Store(id="listed"), dcc.Interval(id="list-refresh", interval=10_000)])


def comparison_page(state: DashboardState, search: str | None) -> html.Div:
    """The page that compares runs or points of a sweep. Raises DashboardError or ResultError."""
    heading, json_text = comparison_view(state, query_value(search, "runs"), query_value(search, "sweep"))
    return html.Div([html.H1(heading), report_view("comparison", json_text)])


def comparison_view(state: DashboardState, keys: str, sweep: str) -> tuple[str, str]:
    """Heading and view JSON of runs (`name/digest,...`) or of a sweep. Raises DashboardError or ResultError."""
    from netsim.reports.comparison import comparison_opening, comparison_sections, read_points, sweep_axes
    from netsim.reports.several_runs import table_of_runs

    if sweep:
        points = sweep_folder(state.folder, sweep) / "points.parquet"
        axes, table, heading = (
            sweep_axes(points),
            read_points(points),
            sweep.removesuffix("-sweep") + ": sweep",
        )
    else:
        from netsim.results.result import Result

        selected = list(dict.fromkeys(key for key in keys.split(",") if key))
        if not 1 <= len(selected) <= MAX_COMPARED:
            raise DashboardError(
                f"compare 1 to {MAX_COMPARED} runs, got {len(selected)}; select them in the list of runs"
            )
        runs = [Result.load(run_folder(state.folder, key)) for key in selected]
        table, axes = table_of_runs(runs)
        heading = f"{len(runs)} runs" if len(runs) > 1 else runs[0].name
    return heading, view_json(comparison_sections(table, axes), comparison_opening(table, axes))


def runs_table(entries: Sequence[RunEntry], selected: Sequence[str]) -> html.Div:
    """The table of runs, with a checkbox and links for each run."""
    if not entries:
        return html.Div(
            paragraph("There are no runs, or none that matches the filter. `New run` starts one.")
        )
    header = html.Tr([html.Th(name, scope="col") if name else html.Td() for name in COLUMNS])
    rows = [_row(entry, entry.key in selected) for entry in entries[:MAX_ROWS]]
    more = (
        [paragraph(f"The latest {MAX_ROWS} of {len(entries)} runs are shown; use the filter to find others.")]
        if len(entries) > MAX_ROWS
        else []
    )
    grid = html.Table([html.Caption("Runs, the latest first"), html.Thead(header), html.Tbody(rows)])
    return html.Div(
        [
            html.Div(
                grid, className="scroll", role="region", tabIndex="0", **attribute("aria-label", "Runs")
            ),
            *more,
        ]
    )


def _row(entry: RunEntry, is_selected: bool) -> html.Tr:
    box = checkbox({"kind": "pick", "run": entry.key}, entry.key, is_selected)
    cells = [html.Td(cell) for cell in row_cells(entry)]
    return html.Tr([html.Th(box, scope="row"), *cells, html.Td(_links(entry))])


def row_cells(entry: RunEntry) -> list[str]:
    """The cells of a run's row; `-` for unknown values."""
    return [
        entry.algorithm or "-",
        ", ".join(map(str, entry.tau)) or "-",
        "-" if entry.rounds is None else formatting.count(entry.rounds),
        "-" if entry.accuracy is None else formatting.accuracy(entry.accuracy),
        "-" if entry.sim_time_s is None else formatting.seconds(entry.sim_time_s),
        "-" if entry.bits is None else formatting.bits(entry.bits),
        "-" if entry.energy_j is None else formatting.joules(entry.energy_j),
        entry.status if entry.status == "damaged" else f"done: {formatting.stop_reason(entry.status)}",
    ]


def _links(entry: RunEntry) -> list[Any]:
    if entry.status == "damaged":
        return []
    run = quote(entry.key, safe="")
    report = html.A("Report", href=f"/report/{entry.key}", target="_blank")
    return [report, " ", link("Re-time", f"/retime?run={run}"), " ", link("Edit", f"/edit?scenario={run}")]


def _active_runs(state: DashboardState) -> list[Any]:
    live = live_runs(state.folder)
    links = [html.Li([link(run.name, f"/follow?run={run.key}"), f": {status_text(run)}"]) for run in live]
    return [html.H2("Active or interrupted runs"), html.Ul(links)] if live else []


def _sweeps(state: DashboardState) -> list[Any]:
    links = [
        html.Li(link(name.removesuffix("-sweep"), f"/compare?sweep={name}"))
        for name in list_sweeps(state.folder)
    ]
    return [html.H2("Sweeps"), html.Ul(links)] if links else []


def selected_runs(checked: Sequence[bool], ids: Sequence[Mapping[str, str]]) -> list[str]:
    """The runs whose checkboxes are checked."""
    return [one["run"] for one, is_checked in zip(ids, checked, strict=True) if is_checked]


def register(app: Dash, state: DashboardState) -> None:
    """Connect the callbacks of the results page."""
    boxes = State({"kind": "pick", "run": ALL}, "data"), State({"kind": "pick", "run": ALL}, "id")

    @app.callback(
        Output("runs", "children"),
        Output("listed", "data"),
        Input("words", "value"),
        Input("list-refresh", "n_intervals"),
        State("listed", "data"),
        *boxes,
    )
    def update_list(
        words: str | None, _ticks: int | None, previous: str | None, checked: Any, ids: Any
    ) -> tuple[Any, Any]:
        selected, matching = selected_runs(checked, ids), list_runs(state.folder, words or "")
        shown = [
            entry for entry in list_runs(state.folder) if entry.key in selected and entry not in matching
        ] + matching
        version = str(hash(tuple(shown)))
        return (no_update, no_update) if version == previous else (runs_table(shown, selected), version)

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Output("compare-status", "children"),
        Input("compare", "n_clicks"),
        *boxes,
        prevent_initial_call=True,
    )
    def open_comparison(clicks: int, checked: Any, ids: Any) -> tuple[Any, str]:
        selected = selected_runs(checked, ids)
        if not clicks or not selected:
            return no_update, "Select at least one run." if clicks else ""
        return f"/compare?runs={quote(','.join(selected), safe='')}", ""
