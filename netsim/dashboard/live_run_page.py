"""The page of an active run: progress, curves, output, and a button that cancels it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import NAME_PATTERN
from netsim.dashboard.jobs import FOLDER as JOBS_FOLDER
from netsim.dashboard.jobs import Job
from netsim.dashboard.layout import attribute, link, paragraph, report_view, view_json
from netsim.dashboard.results_index import RunEntry, find_finished
from netsim.dashboard.state import DashboardState, query_value
from netsim.reports import formatting
from netsim.reports.page_parts import PagePart, Paragraph, Section
from netsim.results.live_feed import FOLDER, LiveRun, live_runs, read_live

if TYPE_CHECKING:
    from pandas import DataFrame

REFRESH_MS = 1000


def layout(state: DashboardState, search: str | None) -> html.Div:
    """The page of one run, or the list of all active runs."""
    key = query_value(search, "run")
    if not key:
        return html.Div([html.H1("Active runs"), _list(state)])
    buttons = [
        html.Button("Cancel", id="cancel", n_clicks=0, disabled=True),
        html.Button("Remove from the list", id="remove", n_clicks=0, disabled=True, hidden=True),
        html.Span(id="cancel-status", role="status"),
    ]
    return html.Div(
        [
            html.H1(key.rpartition("-")[0] or "A run"),
            html.Div(
                [
                    html.Progress(id="bar", value="0", max="1", **attribute("aria-label", "Progress")),
                    *buttons,
                ],
                className="row",
            ),
            html.Div(id="state", className="state"),
            report_view("live"),
            html.Details([html.Summary("Output"), html.Pre(id="output", tabIndex="0")]),
            dcc.Store(id="run-key", data=key),
            dcc.Store(id="drawn-rows", data=-1),
            dcc.Interval(id="live-refresh", interval=REFRESH_MS),
        ]
    )


def remove_interrupted(state: DashboardState, key: str) -> bool:
    """Remove an interrupted run from the list; return whether there was one. Its ledger entries remain."""
    live = find_run(state, key)[0]
    if live is None or live.state == "running":
        return False
    (state.folder / FOLDER / f"{live.key}.jsonl").unlink(missing_ok=True)
    return True


def _list(state: DashboardState) -> Any:
    runs = live_runs(state.folder)
    if not runs:
        return paragraph(
            "No run is active. Runs of `netsim run` into this folder are listed here while they are active."
        )
    items = [html.Li([link(run.name, f"/follow?run={run.key}"), f": {status_text(run)}"]) for run in runs]
    return html.Ul(items)


def status_text(run: LiveRun) -> str:
    """The state of a run as a sentence."""
    if not run.rows:
        return f"{STATE_LABELS[run.state]}, before its first row"
    row = run.rows[-1]
    parts = [
        f"round {row['round']} of at most {run.rounds}",
        f"simulated {formatting.seconds(row['sim_time_s'])}",
    ]
    if run.deadline_s is not None:
        parts.append(f"deadline {formatting.seconds(run.deadline_s)}")
    if row.get("accuracy") is not None:
        parts.append(f"accuracy {formatting.accuracy(row['accuracy'])}")
    return f"{STATE_LABELS[run.state]}: {', '.join(parts)}"


def progress(run: LiveRun) -> float:
    """The completed share of a run's rounds, or of its simulated time if that is larger; 0 ... 1."""
    if not run.rows:
        return 0.0
    row = run.rows[-1]
    by_time = float(row["sim_time_s"]) / run.deadline_s if run.deadline_s else 0.0
    return min(1.0, max(int(row["round"]) / run.rounds, by_time))


def curves_json(run: LiveRun) -> str:
    """The JSON of a report view with accuracy and loss up to now."""
    from netsim.reports.accuracy_bands import curve_chooser, metric_figures
    from netsim.reports.settings import group_settings

    settings = group_settings(live_points_table(run), ["name"])
    figures = metric_figures(settings, math.nan) if len(run.rows) > 1 else []
    parts: list[PagePart] = [curve_chooser(settings), *figures]
    if not figures:
        parts = [Paragraph("Curves are shown after the second evaluation.")]
    return view_json([Section("so-far", "Curves", parts)])


def live_points_table(run: LiveRun) -> DataFrame:
    """The rows up to now as a points table of one run (see `netsim.sweep.tables`)."""
    import pandas as pd

    rounds = pd.DataFrame(run.rows).astype({"accuracy": float, "loss": float})
    bits = [name for name in rounds.columns if name.startswith("bits_")]
    return rounds.assign(point=0, seed=0, name=run.name, bits=rounds[bits].sum(axis=1))


def find_run(state: DashboardState, key: str) -> tuple[LiveRun | None, Job | None, RunEntry | None]:
    """The live file, the job (if the dashboard started it), and the index entry (if it has ended) of a run."""
    if not NAME_PATTERN.fullmatch(key):
        return None, None, None
    live = next((run for run in live_runs(state.folder) if run.key == key), None)
    job = state.jobs.by_key.get(key)
    name, _, digest = key.rpartition("-")
    return live, job, find_finished(state.folder, name, digest) if live is None else None


def _finished_links(entry: RunEntry) -> list[Any]:
    run = quote(entry.key, safe="")
    report = html.A("Report", href=f"/report/{entry.key}", target="_blank")
    links: list[Any] = [
        report,
        " ",
        link("Re-time", f"/retime?run={run}"),
        " ",
        link("Compare", f"/compare?runs={run}"),
    ]
    accuracy = "" if entry.accuracy is None else f" with accuracy {formatting.accuracy(entry.accuracy)}"
    time_s = formatting.seconds(entry.sim_time_s or 0.0)
    return [
        html.P(
            [html.Strong("Done"), f" after {entry.rounds} rounds and {time_s} simulated{accuracy}. ", *links]
        )
    ]


def _relaunch_link(key: str, has_scenario: bool) -> list[Any]:
    text = "A new start continues from the saved state. "
    return [text, link("Start it again", f"/edit?scenario={quote(key)}")] if has_scenario else [text]


def _state(live: LiveRun | None, job: Job | None, end: RunEntry | None, has_scenario: bool) -> list[Any]:
    is_active = job is not None and job.state in ("running", "stopping")
    if is_active and (live is None or live.state != "running"):
        return [paragraph("Starting: loading data and building the tree.")]
    if live is not None:
        return [
            html.P(
                [
                    status_text(live) + ". ",
                    *([] if live.state == "running" else _relaunch_link(live.key, has_scenario)),
                ]
            )
        ]
    if job is not None and job.state == "failed":
        return [paragraph("The run failed; see its output below.")]
    if job is not None and job.state == "cancelled":
        return [html.P(["Cancelled. ", *_relaunch_link(job.key, has_scenario)])]
    return _finished_links(end) if end else [paragraph("There is no active or finished run with this name.")]


def register(app: Dash, state: DashboardState) -> None:
    """Connect the callbacks of the live run page."""

    @app.callback(
        Output("bar", "value"),
        Output("state", "children"),
        Output("output", "children"),
        Output("cancel", "disabled"),
        Output("remove", "disabled"),
        Output("remove", "hidden"),
        Output("live-refresh", "disabled"),
        Input("live-refresh", "n_intervals"),
        State("run-key", "data"),
    )
    def update_state(_ticks: int | None, key: str) -> tuple[str, list[Any], str, bool, bool, bool, bool]:
        live, job, end = find_run(state, key)
        is_active = (live is not None and live.state == "running") or (
            job is not None and job.process.poll() is None
        )
        done = 1.0 if end is not None and not is_active else progress(live) if live else 0.0
        can_cancel = job is not None and job.state == "running"
        has_scenario = (
            NAME_PATTERN.fullmatch(key) is not None and (state.folder / JOBS_FOLDER / f"{key}.yaml").is_file()
        )
        return (
            f"{done:.4f}",
            _state(live, job, end, has_scenario),
            job.output if job else NO_OUTPUT,
            not can_cancel,
            is_active or live is None,
            is_active or live is None,
            not is_active,
        )

    @app.callback(
        Output("live", "data-page"),
        Output("drawn-rows", "data"),
        Input("bar", "value"),
        State("run-key", "data"),
        State("drawn-rows", "data"),
    )
    def update_curves(_progress: str, key: str, rows: int) -> tuple[Any, Any]:
        live = read_live(state.folder / FOLDER / f"{key}.jsonl") if NAME_PATTERN.fullmatch(key) else None
        if live is None or len(live.rows) == rows or not live.rows:
            return no_update, no_update
        return curves_json(live), len(live.rows)

    @app.callback(
        Output("cancel-status", "children"),
        Input("cancel", "n_clicks"),
        State("run-key", "data"),
        prevent_initial_call=True,
    )
    def cancel(clicks: int, key: str) -> str:
        if not clicks:
            return ""
        job = state.jobs.by_key.get(key)
        if job is None:
            return "This dashboard did not start that run."
        job.cancel()
        return "Cancelling; the run saves its results."

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("remove", "n_clicks"),
        State("run-key", "data"),
        prevent_initial_call=True,
    )
    def remove(clicks: int, key: str) -> Any:
        return "/" if clicks and remove_interrupted(state, key) else no_update


STATE_LABELS = {
    "running": "Running",
    "interrupted": "Interrupted",
    "failed": "Failed",
    "lost": "Ended without a final state (for example killed)",
}
NO_OUTPUT = "This dashboard did not start the run; its output is in the terminal in which it was started."
