"""The parts of a report as a component: the same markup, colours, choosers and script as the report's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from netsim.reports.html import parts_html, section_html
from netsim.reports.page import page_data, script_json
from netsim.reports.page_parts import Part, Section


def stage(sections: Sequence[Section], opening: Sequence[Part] = ()) -> str:
    """What `assets/stage.js` draws: markup, escaped as in the report, and the figures' data, as JSON."""
    parts = [*opening, *(part for section in sections for part in section.parts)]
    body = "\n".join((parts_html(opening), *(section_html(section) for section in sections)))
    return script_json({"html": body, **page_data(parts)})


def figures(key: str, drawn: str = "") -> html.Div:
    """The place of a stage; a callback that puts another stage's JSON into its `data-page` redraws it."""
    return html.Div(id=key, className="stage", **tagged("data-page", drawn))


def tagged(attribute: str, value: str) -> dict[str, Any]:
    """An attribute whose name is no Python word, as keyword arguments."""
    return {attribute: value}


def words(text: str) -> html.P:
    """A paragraph."""
    return html.P(text)


def alert(text: str) -> html.P:
    """What went wrong, also for those who listen."""
    return html.P(text, role="alert", className="alert")


def link(text: str, href: str, name: str = "") -> dcc.Link:
    """A link within the dashboard; `name` as a class."""
    return dcc.Link(text, href=href, className=name or None)


def slider(key: Any, label: str, most: int, told: Any) -> html.Div:
    """A labelled slider over whole numbers from -most to most, at first 0, which a callback reads as `data` of `key`.

    `told` is the id of where its value is written. `assets/controls.js` makes the rail: Dash 4.4 has none that is
    a plain range input, which keyboards and screen readers know.
    """
    rail = json.dumps({"id": key, "label": label, "most": most})
    shown = html.Span(label, **tagged("aria-hidden", "true"))
    parts = [
        shown,
        html.Span(className="rail", **tagged("data-rail", rail)),
        html.Span(id=told, className="told"),
    ]
    return html.Div([*parts, dcc.Store(id=key, data=0)], className="slider")


def tick(key: Any, label: str, on: bool = False) -> html.Span:
    """A box to tick, which a callback reads as `data` of `key`; made by `assets/controls.js` too."""
    box = json.dumps({"id": key, "label": label, "on": on})
    return html.Span([html.Span(className="tick", **tagged("data-tick", box)), dcc.Store(id=key, data=on)])
