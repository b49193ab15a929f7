"""The first page: all runs and sweeps of the folder, and what compares those that are picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import DashboardError, run_folder, sweep_folder
from netsim.dashboard.layout import figures, link, stage, tagged, tick, words
from netsim.dashboard.live_run_page import told
from netsim.dashboard.results_index import MOST, Entry, entries, sweeps
from netsim.dashboard.state import DashboardState, asked
from netsim.reports import formatting
from netsim.results.live_feed import live_runs

TOGETHER = 24
"""Runs that can be compared at once."""
HEADS = (
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


def layout(desk: DashboardState) -> html.Div:
    """The page."""
    how = words("Tick runs and compare them, or open one. Whatever is written into this folder appears here.")
    label = html.Label([html.Span("Filter"), dcc.Input(id="words", type="search", value="", debounce=0.3)])
    button = html.Button("Compare", id="compare", n_clicks=0)
    row = html.Div([label, button, html.Span(id="compare-told", role="status")], className="row")
    sections = [html.H1("Runs"), *_under_way(desk), how, row, html.Div(id="runs"), *_sweeps(desk)]
    return html.Div([*sections, dcc.Store(id="listed"), dcc.Interval(id="look-again", interval=10_000)])


def compared(desk: DashboardState, search: str | None) -> html.Div:
    """The page that compares runs or shows a sweep. Raises DashboardError or ResultError."""
    heading, drawn = comparison(desk, asked(search, "runs"), asked(search, "sweep"))
    return html.Div([html.H1(heading), figures("comparison", drawn)])


def comparison(desk: DashboardState, keys: str, sweep: str) -> tuple[str, str]:
    """Heading and stage for runs (`name/digest,...`) or for a sweep. Raises DashboardError or ResultError."""
    from netsim.reports.comparison import comparison_opening, comparison_sections, read_points, sweep_axes
    from netsim.reports.several_runs import table_of_runs

    if sweep:
        points = sweep_folder(desk.folder, sweep) / "points.parquet"
        axes, table, heading = (
            sweep_axes(points),
            read_points(points),
            sweep.removesuffix("-sweep") + ": sweep",
        )
    else:
        from netsim.results.result import Result

        chosen = list(dict.fromkeys(key for key in keys.split(",") if key))
        if not 1 <= len(chosen) <= TOGETHER:
            raise DashboardError(
                f"compare 1 to {TOGETHER} runs, got {len(chosen)}; tick them in the list of runs"
            )
        runs = [Result.load(run_folder(desk.folder, key)) for key in chosen]
        table, axes = table_of_runs(runs)
        heading = f"{len(runs)} runs" if len(runs) > 1 else runs[0].name
    return heading, stage(comparison_sections(table, axes), comparison_opening(table, axes))


def table(found: Sequence[Entry], picked: Sequence[str]) -> html.Div:
    """A line per run, with a box to tick and links to what can be done with it."""
    if not found:
        return html.Div(
            words("No runs here yet, or none that the filter lets through. `New run` starts one.")
        )
    heads = html.Tr([html.Th(head, scope="col") if head else html.Td() for head in HEADS])
    rows = [_row(entry, entry.key in picked) for entry in found[:MOST]]
    more = (
        [words(f"Shown are the latest {MOST} of {len(found)}; filter for the others.")]
        if len(found) > MOST
        else []
    )
    grid = html.Table([html.Caption("Runs, the latest first"), html.Thead(heads), html.Tbody(rows)])
    return html.Div(
        [
            html.Div(grid, className="scroll", role="region", tabIndex="0", **tagged("aria-label", "Runs")),
            *more,
        ]
    )


def _row(entry: Entry, picked: bool) -> html.Tr:
    box = tick({"kind": "pick", "run": entry.key}, entry.key, picked)
    cells = [html.Td(cell) for cell in cells_of(entry)]
    return html.Tr([html.Th(box, scope="row"), *cells, html.Td(_links(entry))])


def cells_of(entry: Entry) -> list[str]:
    """What is known of a run, in words; `-` for what is not."""
    return [
        entry.algorithm or "-",
        ", ".join(map(str, entry.tau)) or "-",
        "-" if entry.rounds is None else formatting.count(entry.rounds),
        "-" if entry.accuracy is None else formatting.score(entry.accuracy),
        "-" if entry.sim_time_s is None else formatting.seconds(entry.sim_time_s),
        "-" if entry.bits is None else formatting.bits(entry.bits),
        "-" if entry.energy_j is None else formatting.joules(entry.energy_j),
        entry.status if entry.status == "damaged" else f"done: {formatting.cause(entry.status)}",
    ]


def _links(entry: Entry) -> list[Any]:
    if entry.status == "damaged":
        return []
    run = quote(entry.key, safe="")
    report = html.A("Report", href=f"/report/{entry.key}", target="_blank")
    return [report, " ", link("Re-time", f"/retime?run={run}"), " ", link("Edit", f"/edit?scenario={run}")]


def _under_way(desk: DashboardState) -> list[Any]:
    live = live_runs(desk.folder)
    links = [html.Li([link(run.name, f"/follow?run={run.key}"), f": {told(run)}"]) for run in live]
    return [html.H2("Under way, or stopped before the end"), html.Ul(links)] if live else []


def _sweeps(desk: DashboardState) -> list[Any]:
    links = [
        html.Li(link(name.removesuffix("-sweep"), f"/compare?sweep={name}")) for name in sweeps(desk.folder)
    ]
    return [html.H2("Sweeps"), html.Ul(links)] if links else []


def ticked(picks: Sequence[bool], ids: Sequence[Mapping[str, str]]) -> list[str]:
    """The runs whose boxes are ticked."""
    return [one["run"] for one, on in zip(ids, picks, strict=True) if on]


def register(app: Dash, desk: DashboardState) -> None:
    """Connect the page's callbacks."""
    boxes = State({"kind": "pick", "run": ALL}, "data"), State({"kind": "pick", "run": ALL}, "id")

    @app.callback(
        Output("runs", "children"),
        Output("listed", "data"),
        Input("words", "value"),
        Input("look-again", "n_intervals"),
        State("listed", "data"),
        *boxes,
    )
    def listed(
        wanted: str | None, _again: int | None, before: str | None, picks: Any, ids: Any
    ) -> tuple[Any, Any]:
        picked, found = ticked(picks, ids), entries(desk.folder, wanted or "")
        shown = [
            entry for entry in entries(desk.folder) if entry.key in picked and entry not in found
        ] + found
        now = str(hash(tuple(shown)))
        return (no_update, no_update) if now == before else (table(shown, picked), now)

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Output("compare-told", "children"),
        Input("compare", "n_clicks"),
        *boxes,
        prevent_initial_call=True,
    )
    def chosen(clicks: int, picks: Any, ids: Any) -> tuple[Any, str]:
        picked = ticked(picks, ids)
        if not clicks or not picked:
            return no_update, "Tick at least one run." if clicks else ""
        return f"/compare?runs={quote(','.join(picked), safe='')}", ""
