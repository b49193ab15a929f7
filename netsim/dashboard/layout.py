"""Dash components: report parts with the markup and script of the reports, sliders, checkboxes, links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from netsim.reports.html import render_parts, render_section
from netsim.reports.page import page_data, script_json
from netsim.reports.page_parts import PagePart, Section


def view_json(sections: Sequence[Section], opening: Sequence[PagePart] = ()) -> str:
    """The input of `assets/report_view.js` as JSON: escaped markup and the data of the figures."""
    parts = [*opening, *(part for section in sections for part in section.parts)]
    body = "\n".join((render_parts(opening), *(render_section(section) for section in sections)))
    return script_json({"html": body, **page_data(parts)})


def report_view(key: str, json_text: str = "") -> html.Div:
    """An element that shows the JSON of `view_json`; a callback redraws it by setting its `data-page`."""
    return html.Div(id=key, className="report-view", **attribute("data-page", json_text))


def attribute(name: str, value: str) -> dict[str, Any]:
    """An HTML attribute whose name is not a Python identifier, as keyword arguments."""
    return {name: value}


def paragraph(text: str) -> html.P:
    """A paragraph."""
    return html.P(text)


def alert(text: str) -> html.P:
    """An error message with the role `alert`."""
    return html.P(text, role="alert", className="alert")


def link(text: str, href: str, name: str = "") -> dcc.Link:
    """A link within the dashboard; `name` is its CSS class."""
    return dcc.Link(text, href=href, className=name or None)


def slider(key: Any, label: str, limit: int, output: Any) -> html.Div:
    """A labelled slider over the integers -limit ... limit, initially 0; a callback reads it as `data` of `key`.

    `output` is the id of the element with its displayed value. `assets/controls.js` creates a native range input,
    which is accessible by keyboard and screen reader; Dash 4.4 has none.
    """
    description = json.dumps({"id": key, "label": label, "limit": limit})
    caption = html.Span(label, **attribute("aria-hidden", "true"))
    parts = [
        caption,
        html.Span(className="range", **attribute("data-slider", description)),
        html.Span(id=output, className="value"),
    ]
    return html.Div([*parts, dcc.Store(id=key, data=0)], className="slider")


def checkbox(key: Any, label: str, checked: bool = False) -> html.Span:
    """A checkbox, which a callback reads as `data` of `key`; created by `assets/controls.js`."""
    description = json.dumps({"id": key, "label": label, "checked": checked})
    box = html.Span(className="checkbox", **attribute("data-checkbox", description))
    return html.Span([box, dcc.Store(id=key, data=checked)])
