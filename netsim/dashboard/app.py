"""The dashboard as a Dash application: one shell, a page per address, nothing fetched from elsewhere."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, dcc, html, set_props
from flask import Flask, Response, abort

from learning.datasets import DataError
from netsim.dashboard import live_run_page, planner_page, results_page, retiming_page, scenario_page
from netsim.dashboard.access import AccessControl
from netsim.dashboard.address import Address, DashboardError, run_folder
from netsim.dashboard.layout import alert, link, tagged
from netsim.dashboard.state import DashboardState
from netsim.reports.page import asset
from netsim.results.result import Result, ResultError
from netsim.scenario import ScenarioError
from netsim.scenario.yaml_document import MAX_TEXT_LENGTH

USERS = (DashboardError, ResultError, ScenarioError, DataError)
"""Errors that say what the user can put right."""
PAGES = {"/": "Runs", "/follow": "Under way", "/edit": "New run", "/retime": "Re-time", "/plan": "Plan"}


def make_app(desk: DashboardState, address: Address) -> Dash:
    """The application over a folder; every request passes the gate."""
    app = Dash(
        "netsim.dashboard",
        assets_folder="assets",
        serve_locally=True,
        suppress_callback_exceptions=True,
        title="netsim",
        update_title="",
        external_stylesheets=["/netsim/page.css"],
        external_scripts=["/netsim/plotly.js", "/netsim/page.js"],
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "light dark"},
        ],
        add_log_handler=False,
        enable_mcp=False,
        index_string=_INDEX,
        on_error=_told,
    )
    app.layout = _shell(desk)
    for page in (results_page, live_run_page, scenario_page, retiming_page, planner_page):
        page.register(app, desk)
    app.server.config["MAX_CONTENT_LENGTH"] = 4 * MAX_TEXT_LENGTH
    _route(app, desk)
    _serve_files(app, desk)
    scripts = " ".join(app.csp_hashes())
    AccessControl(address, _POLICY.format(scripts=scripts)).guard(app.server)
    return app


def _shell(desk: DashboardState) -> html.Div:
    return html.Div(
        [
            dcc.Location(id="url"),
            html.Header(
                [
                    html.Strong("netsim"),
                    html.Nav(id="nav", **tagged("aria-label", "Pages")),
                    html.Span(desk.folder.name),
                ]
            ),
            html.Div(id="trouble", role="alert", className="alert"),
            html.Main(id="page"),
        ]
    )


def _told(error: Exception) -> None:
    """Say on the page what a callback could not do; whole only for our own bugs, in the terminal."""
    said = str(error)
    if not isinstance(error, USERS):
        traceback.print_exception(error)
        said = f"This is a bug in netsim ({type(error).__name__}); the terminal shows more. Please report it."
    set_props("trouble", {"children": said})


def _route(app: Dash, desk: DashboardState) -> None:
    pages: dict[str, Callable[[str | None], Any]] = {
        "/": lambda search: results_page.layout(desk),
        "/compare": lambda search: results_page.compared(desk, search),
        "/follow": lambda search: live_run_page.layout(desk, search),
        "/edit": lambda search: scenario_page.layout(desk, search),
        "/retime": lambda search: retiming_page.layout(desk, search),
        "/plan": lambda search: planner_page.layout(desk, search),
    }

    @app.callback(Output("nav", "children"), Input("url", "pathname"))
    def navigation(path: str | None) -> list[Any]:
        here = {"/compare": "/"}.get(path or "/", path or "/")
        return [
            html.Span(link(name, page), className="here" if page == here else None)
            for page, name in PAGES.items()
        ]

    @app.callback(Output("page", "children"), Input("url", "pathname"), Input("url", "search"))
    def shown(path: str | None, search: str | None) -> Any:
        page = pages.get(path or "/")
        if page is None:
            return html.Div(
                [html.H1("Nothing here"), alert("No page has this address."), link("All runs", "/")]
            )
        try:
            return page(search)
        except USERS as error:
            return html.Div([html.H1("That did not work"), alert(str(error)), link("All runs", "/")])


def _serve_files(app: Dash, desk: DashboardState) -> None:
    from plotly.offline import get_plotlyjs

    kept = {
        "plotly.js": (get_plotlyjs(), "text/javascript"),
        "page.js": (asset("page.js"), "text/javascript"),
        "page.css": (asset("page.css"), "text/css"),
    }

    server: Flask = app.server

    @server.get("/netsim/<name>")
    def file(name: str) -> Response:
        if name not in kept:
            abort(404)
        text, kind = kept[name]
        return Response(text, mimetype=kind, headers={"Cache-Control": "max-age=3600"})

    @server.get("/report/<name>/<digest>")
    def report(name: str, digest: str) -> Response:
        """Drawn anew, not served from the folder: what lies there may be somebody else's page."""
        from netsim.reports import report_html

        try:
            page = report_html(Result.load(run_folder(desk.folder, f"{name}/{digest}")))
        except (DashboardError, ResultError) as error:
            abort(404, str(error))
        return Response(
            page,
            mimetype="text/html",
            headers={"Content-Security-Policy": "sandbox allow-scripts allow-downloads"},
        )


_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>
"""
