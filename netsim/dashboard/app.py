"""The dashboard as a Dash application: a common frame, a page per address, no external resources."""

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
from netsim.dashboard.layout import alert, attribute, link
from netsim.dashboard.state import DashboardState
from netsim.reports.page import read_asset
from netsim.results.result import Result, ResultError
from netsim.scenario import ScenarioError
from netsim.scenario.yaml_document import MAX_TEXT_LENGTH

USER_ERRORS = (DashboardError, ResultError, ScenarioError, DataError)
"""Errors that the user can correct; their messages are shown on the page."""
PAGES = {"/": "Runs", "/follow": "Running", "/edit": "New run", "/retime": "Re-time", "/plan": "Plan"}


def make_app(state: DashboardState, address: Address) -> Dash:
    """Build the application of a folder; every request passes the access control."""
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
        on_error=_show_error,
    )
    app.layout = _shell(state)
    for page in (results_page, live_run_page, scenario_page, retiming_page, planner_page):
        page.register(app, state)
    app.server.config["MAX_CONTENT_LENGTH"] = 4 * MAX_TEXT_LENGTH
    _route(app, state)
    _serve_files(app, state)
    scripts = " ".join(app.csp_hashes())
    AccessControl(address, _POLICY.format(scripts=scripts)).install(app.server)
    return app


def _shell(state: DashboardState) -> html.Div:
    return html.Div(
        [
            dcc.Location(id="url"),
            html.Header(
                [
                    html.Strong("netsim"),
                    html.Nav(id="nav", **attribute("aria-label", "Pages")),
                    html.Span(state.folder.name),
                ]
            ),
            html.Div(id="error", role="alert", className="alert"),
            html.Main(id="page"),
        ]
    )


def _show_error(error: Exception) -> None:
    """Show the message of a failed callback on the page; print the traceback of a bug in the terminal."""
    message = str(error)
    if not isinstance(error, USER_ERRORS):
        traceback.print_exception(error)
        kind = type(error).__name__
        message = f"This is a bug in netsim ({kind}); the traceback is in the terminal. Please report it."
    set_props("error", {"children": message})


def _route(app: Dash, state: DashboardState) -> None:
    pages: dict[str, Callable[[str | None], Any]] = {
        "/": lambda search: results_page.layout(state),
        "/compare": lambda search: results_page.comparison_page(state, search),
        "/follow": lambda search: live_run_page.layout(state, search),
        "/edit": lambda search: scenario_page.layout(state, search),
        "/retime": lambda search: retiming_page.layout(state, search),
        "/plan": lambda search: planner_page.layout(state, search),
    }

    @app.callback(Output("nav", "children"), Input("url", "pathname"))
    def navigation(path: str | None) -> list[Any]:
        current = {"/compare": "/"}.get(path or "/", path or "/")
        return [
            html.Span(link(name, page), className="current" if page == current else None)
            for page, name in PAGES.items()
        ]

    @app.callback(Output("page", "children"), Input("url", "pathname"), Input("url", "search"))
    def page_content(path: str | None, search: str | None) -> Any:
        page = pages.get(path or "/")
        if page is None:
            return html.Div(
                [html.H1("Page not found"), alert("There is no page at this address."), link("All runs", "/")]
            )
        try:
            return page(search)
        except USER_ERRORS as error:
            return html.Div([html.H1("Error"), alert(str(error)), link("All runs", "/")])


def _serve_files(app: Dash, state: DashboardState) -> None:
    from plotly.offline import get_plotlyjs

    files = {
        "plotly.js": (get_plotlyjs(), "text/javascript"),
        "page.js": (read_asset("page.js"), "text/javascript"),
        "page.css": (read_asset("page.css"), "text/css"),
    }

    server: Flask = app.server

    @server.get("/netsim/<name>")
    def file(name: str) -> Response:
        if name not in files:
            abort(404)
        text, kind = files[name]
        return Response(text, mimetype=kind, headers={"Cache-Control": "max-age=3600"})

    @server.get("/report/<name>/<digest>")
    def report(name: str, digest: str) -> Response:
        """A newly rendered report; files in the folder are not served, since they may have another origin."""
        from netsim.reports import render_report

        try:
            page = render_report(Result.load(run_folder(state.folder, f"{name}/{digest}")))
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
