"""HTML of the page parts. All text is escaped in this module and in no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import groupby

from netsim.reports.page_parts import (
    Chooser,
    Code,
    Figure,
    KeyValues,
    LegendEntry,
    PagePart,
    Paragraph,
    Section,
    Swatch,
    Table,
)


def render_section(section: Section) -> str:
    """A section with its heading, as HTML."""
    key = escape(section.key)
    heading = f'<h2 id="{key}-heading">{escape(section.title)}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-heading">{heading}{render_parts(section.parts)}</section>'


def render_parts(parts: Sequence[PagePart]) -> str:
    """Page parts as HTML; consecutive figures share a grid, side by side where the width allows."""
    html = []
    for are_figures, group in groupby(parts, lambda part: isinstance(part, Figure)):
        inner = "".join(_part(part) for part in group)
        html.append(f'<div class="figures">{inner}</div>' if are_figures else inner)
    return "\n".join(html)


def _part(part: PagePart) -> str:
    match part:
        case Figure():
            return _figure(part)
        case Chooser(form="slider"):
            return _slider(part)
        case Chooser():
            return _buttons(part)
        case Table():
            return _table(part)
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Code(label, text):
            return f'<pre tabindex="0" role="region" aria-label="{escape(label)}">{escape(text)}</pre>'
        case KeyValues(pairs, large):
            items = "".join(
                f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in pairs
            )
            return f'<dl class="key-values{" large" if large else ""}">{items}</dl>'


def _figure(figure: Figure) -> str:
    key, height = f"plot-{escape(figure.key)}", int(figure.layout["height"])
    entries = "".join(_legend(key, entry) for entry in figure.legend)
    legend = (
        f'<div class="legend" role="group" aria-label="Visible curves">{entries}</div>' if entries else ""
    )
    alternative = f'role="group" aria-label="{escape(figure.description)}"'
    plot = f'<div class="plot" id="{key}" {alternative} style="height:{height}px"></div>'
    return f"<figure><h3>{escape(figure.title)}</h3>{legend}{plot}</figure>"


def _legend(key: str, entry: LegendEntry) -> str:
    icons = "".join(_icon(entry.swatch, colour) for colour in entry.colours)
    traces = escape(json.dumps(list(entry.traces)))
    attributes = f'type="button" aria-pressed="true" data-figure="{key}" data-traces="{traces}"'
    return f"<button {attributes}><span>{icons}</span>{escape(entry.label)}</button>"


def _icon(swatch: Swatch, colour: str) -> str:
    shape = _SWATCHES[swatch].replace("COLOUR", escape(colour))
    return f'<svg width="22" height="12" aria-hidden="true">{shape}</svg>'


def _buttons(chooser: Chooser) -> str:
    key = escape(chooser.key)
    choices = []
    for index, option in enumerate(chooser.options):
        state = " checked" if index == chooser.initial else ""
        radio = f'<input type="radio" name="{key}" value="{index}" data-chooser="{key}"{state}>'
        choices.append(f'<label class="choice">{radio}<span>{escape(option)}</span></label>')
    return f"<fieldset><legend>{escape(chooser.label)}</legend>{''.join(choices)}</fieldset>"


def _slider(chooser: Chooser) -> str:
    key, last = escape(chooser.key), len(chooser.options) - 1
    label = f'<label for="choose-{key}">{escape(chooser.label)}</label>'
    ends = f'min="0" max="{last}" value="{chooser.initial}"'
    slider = f'<input id="choose-{key}" type="range" {ends} data-chooser="{key}">'
    return f'<div class="slider">{label}{slider}<output for="choose-{key}"></output></div>'


def _table(table: Table) -> str:
    # An empty header cell is a `td`: a `th` without text fails accessibility checks.
    header = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in table.header)
    rows = []
    for first, *others in table.rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        rows.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    inner = f"<caption>{escape(table.caption)}</caption><thead><tr>{header}</tr></thead>"
    region = f'class="scroll" tabindex="0" role="region" aria-label="{escape(table.caption)}"'
    return f"<div {region}><table>{inner}<tbody>{''.join(rows)}</tbody></table></div>"


_BOX = '<rect x="1" y="1" width="20" height="10" fill="COLOUR"'
_STROKE = 'stroke="COLOUR" stroke-width="2"/>'
_SWATCHES: dict[Swatch, str] = {
    "line": '<path d="M0 6h22" stroke="COLOUR" stroke-width="3"/>',
    "dashes": '<path d="M0 6h22" stroke="COLOUR" stroke-width="3" stroke-dasharray="6 4"/>',
    "fill": f"{_BOX}/>",
    "hatch": f'{_BOX} fill-opacity="0"/><path d="M1 11l8-10M6 11l8-10M11 11l8-10" {_STROKE}',
    "cross": f'{_BOX} fill-opacity="0"/><path d="M2 1l9 10M11 1l9 10M11 1l-9 10M20 1l-9 10" {_STROKE}',
    "dots": f'{_BOX} fill-opacity="0"/><path d="M3 4h2M8 4h2M13 4h2M18 4h2M3 9h2M8 9h2M13 9h2M18 9h2" {_STROKE}',
    "disc": '<circle cx="11" cy="6" r="5" fill="COLOUR"/>',
    "ring": '<circle cx="11" cy="6" r="4" fill="none" stroke="COLOUR" stroke-width="2"/>',
    "diamond": '<path d="M11 0l5 6-5 6-5-6z" fill="COLOUR"/>',
}
