"""A run while it runs: how far it is, its curves so far, what it says, and a button that stops it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html, no_update

from netsim.dashboard.address import NAME
from netsim.dashboard.jobs import FOLDER as KEPT
from netsim.dashboard.jobs import Job
from netsim.dashboard.layout import figures, link, stage, tagged, words
from netsim.dashboard.results_index import Entry, finished
from netsim.dashboard.state import DashboardState, asked
from netsim.reports import formatting
from netsim.reports.page_parts import Part, Section, Words
from netsim.results.live_feed import FOLDER, LiveRun, live_runs, read_live

if TYPE_CHECKING:
    from pandas import DataFrame

SECOND_MS = 1000


def layout(desk: DashboardState, search: str | None) -> html.Div:
    """The page of one run, or the list of all that are under way."""
    key = asked(search, "run")
    if not key:
        return html.Div([html.H1("Under way"), _list(desk)])
    buttons = [
        html.Button("Cancel", id="cancel", n_clicks=0, disabled=True),
        html.Button("Forget", id="forget", n_clicks=0, disabled=True, hidden=True),
        html.Span(id="cancel-told", role="status"),
    ]
    return html.Div(
        [
            html.H1(key.rpartition("-")[0] or "A run"),
            html.Div(
                [html.Progress(id="bar", value="0", max="1", **tagged("aria-label", "Progress")), *buttons],
                className="row",
            ),
            html.Div(id="state", className="state"),
            figures("live"),
            html.Details([html.Summary("What it said"), html.Pre(id="said", tabIndex="0")]),
            dcc.Store(id="followed", data=key),
            dcc.Store(id="drawn", data=-1),
            dcc.Interval(id="tick", interval=SECOND_MS),
        ]
    )


def forget(desk: DashboardState, key: str) -> bool:
    """Take a run that broke off out of the list; whether there was one. What it has learned stays in the ledger."""
    live = state_of(desk, key)[0]
    if live is None or live.state == "running":
        return False
    (desk.folder / FOLDER / f"{live.key}.jsonl").unlink(missing_ok=True)
    return True


def _list(desk: DashboardState) -> Any:
    found = live_runs(desk.folder)
    if not found:
        return words(
            "Nothing is under way. Runs of `netsim run` into this folder appear here while they run."
        )
    items = [html.Li([link(run.name, f"/follow?run={run.key}"), f": {told(run)}"]) for run in found]
    return html.Ul(items)


def told(run: LiveRun) -> str:
    """How a run stands, in a sentence."""
    if not run.rows:
        return f"{ENDED[run.state]}, before its first row"
    row = run.rows[-1]
    parts = [
        f"round {row['round']} of at most {run.rounds}",
        f"simulated {formatting.seconds(row['sim_time_s'])}",
    ]
    if run.deadline_s is not None:
        parts.append(f"deadline {formatting.seconds(run.deadline_s)}")
    if row.get("accuracy") is not None:
        parts.append(f"accuracy {formatting.score(row['accuracy'])}")
    return f"{ENDED[run.state]}: {', '.join(parts)}"


def share(run: LiveRun) -> float:
    """How much of its rounds, or of its simulated time, a run has behind it; 0 ... 1."""
    if not run.rows:
        return 0.0
    row = run.rows[-1]
    by_time = float(row["sim_time_s"]) / run.deadline_s if run.deadline_s else 0.0
    return min(1.0, max(int(row["round"]) / run.rounds, by_time))


def curves(run: LiveRun) -> str:
    """The stage with accuracy and loss so far."""
    from netsim.reports.accuracy_bands import curve_chooser, curve_figures
    from netsim.reports.settings import settle

    settings = settle(points(run), ["name"])
    found = curve_figures(settings, math.nan) if len(run.rows) > 1 else []
    parts: list[Part] = [curve_chooser(settings), *found]
    if not found:
        parts = [Words("Curves appear after the second evaluation.")]
    return stage([Section("so-far", "So far", parts)])


def points(run: LiveRun) -> DataFrame:
    """The rows so far as a points table of one run (see `netsim.sweep.tables`)."""
    import pandas as pd

    rounds = pd.DataFrame(run.rows).astype({"accuracy": float, "loss": float})
    bits = [name for name in rounds.columns if name.startswith("bits_")]
    return rounds.assign(point=0, seed=0, name=run.name, bits=rounds[bits].sum(axis=1))


def state_of(desk: DashboardState, key: str) -> tuple[LiveRun | None, Job | None, Entry | None]:
    """What is known of a run by its key: its file while it runs, its process if it was started here, its end."""
    if not NAME.fullmatch(key):
        return None, None, None
    live = next((run for run in live_runs(desk.folder) if run.key == key), None)
    job = desk.jobs.known.get(key)
    name, _, digest = key.rpartition("-")
    return live, job, finished(desk.folder, name, digest) if live is None else None


def _ended(entry: Entry) -> list[Any]:
    run = quote(entry.key, safe="")
    report = html.A("Report", href=f"/report/{entry.key}", target="_blank")
    links: list[Any] = [
        report,
        " ",
        link("Re-time", f"/retime?run={run}"),
        " ",
        link("Compare", f"/compare?runs={run}"),
    ]
    accuracy = "" if entry.accuracy is None else f" with accuracy {formatting.score(entry.accuracy)}"
    time_s = formatting.seconds(entry.sim_time_s or 0.0)
    return [
        html.P(
            [html.Strong("Done"), f" after {entry.rounds} rounds and {time_s} simulated{accuracy}. ", *links]
        )
    ]


def _again(key: str, kept: bool) -> list[Any]:
    said = "Launched again, it goes on from what it kept. "
    return [said, link("Launch it again", f"/edit?scenario={quote(key)}")] if kept else [said]


def _state(live: LiveRun | None, job: Job | None, end: Entry | None, kept: bool) -> list[Any]:
    at_work = job is not None and job.state in ("running", "stopping")
    if at_work and (live is None or live.state != "running"):
        return [words("Starting: reading data and growing the tree.")]
    if live is not None:
        return [html.P([told(live) + ". ", *([] if live.state == "running" else _again(live.key, kept))])]
    if job is not None and job.state == "failed":
        return [words("It failed; what it said stands below.")]
    if job is not None and job.state == "cancelled":
        return [html.P(["Cancelled. ", *_again(job.key, kept)])]
    return _ended(end) if end else [words("No such run is under way, and none has finished here.")]


def register(app: Dash, desk: DashboardState) -> None:
    """Connect the page's callbacks."""

    @app.callback(
        Output("bar", "value"),
        Output("state", "children"),
        Output("said", "children"),
        Output("cancel", "disabled"),
        Output("forget", "disabled"),
        Output("forget", "hidden"),
        Output("tick", "disabled"),
        Input("tick", "n_intervals"),
        State("followed", "data"),
    )
    def stands(_tick: int | None, key: str) -> tuple[str, list[Any], str, bool, bool, bool, bool]:
        live, job, end = state_of(desk, key)
        busy = (live is not None and live.state == "running") or (
            job is not None and job.process.poll() is None
        )
        done = 1.0 if end is not None and not busy else share(live) if live else 0.0
        stoppable = job is not None and job.state == "running"
        kept = NAME.fullmatch(key) is not None and (desk.folder / KEPT / f"{key}.yaml").is_file()
        return (
            f"{done:.4f}",
            _state(live, job, end, kept),
            job.said if job else ELSEWHERE,
            not stoppable,
            busy or live is None,
            busy or live is None,
            not busy,
        )

    @app.callback(
        Output("live", "data-page"),
        Output("drawn", "data"),
        Input("bar", "value"),
        State("followed", "data"),
        State("drawn", "data"),
    )
    def drawn(_share: str, key: str, rows: int) -> tuple[Any, Any]:
        live = read_live(desk.folder / FOLDER / f"{key}.jsonl") if NAME.fullmatch(key) else None
        if live is None or len(live.rows) == rows or not live.rows:
            return no_update, no_update
        return curves(live), len(live.rows)

    @app.callback(
        Output("cancel-told", "children"),
        Input("cancel", "n_clicks"),
        State("followed", "data"),
        prevent_initial_call=True,
    )
    def cancelled(clicks: int, key: str) -> str:
        if not clicks:
            return ""
        job = desk.jobs.known.get(key)
        if job is None:
            return "This dashboard did not start that run."
        job.cancel()
        return "Asked to stop; it keeps what it has."

    @app.callback(
        Output("url", "href", allow_duplicate=True),
        Input("forget", "n_clicks"),
        State("followed", "data"),
        prevent_initial_call=True,
    )
    def forgotten(clicks: int, key: str) -> Any:
        return "/" if clicks and forget(desk, key) else no_update


ENDED = {
    "running": "Running",
    "interrupted": "Interrupted",
    "failed": "Failed",
    "lost": "Ended without a word, as after a kill",
}
ELSEWHERE = "This run was not started here; its messages stand where it was."
