"""Self-contained HTML pages: one file, which needs no network and no server.

All text of a scenario is escaped, also inside script elements. A content security policy allows only the page's own
two scripts and no requests.
"""

from __future__ import annotations

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from netsim.reports.html import render_parts, render_section
from netsim.reports.page_parts import Chooser, Figure, PagePart, Section

PLOTLY_CONFIG = {
    "showSendToCloud": False,
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
}
"""Plotly's configuration: no upload, logo or selection buttons; plots take the width of their column."""


def render_page(heading: str, sections: Sequence[Section], opening: Sequence[PagePart] = ()) -> str:
    """The page as HTML: the heading, the opening parts, then the sections."""
    from plotly.offline import get_plotlyjs

    parts = [*opening, *(part for section in sections for part in section.parts)]
    scripts = [get_plotlyjs(), read_asset("page.js")]
    policy = f"{_BASE_POLICY}; script-src {' '.join(map(_csp_hash, scripts))}"
    body = "\n".join((render_parts(opening), *(render_section(section) for section in sections)))
    return _PAGE.format(
        heading=escape(heading),
        policy=escape(policy),
        css=read_asset("page.css"),
        body=body,
        data=script_json(page_data(parts)),
        plotly=scripts[0],
        script=scripts[1],
    )


def write_page(html: str, path: Path) -> Path:
    """Write the page atomically and return its absolute path. Raises OSError."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        # Bytes, without newline translation: the hashes in the policy are those of the scripts' bytes.
        temporary.write_bytes(html.encode("utf-8", "backslashreplace"))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def script_json(value: Any) -> str:
    """JSON that is safe inside a script element: `<`, `>` and `&` are escaped."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page_data(parts: Iterable[PagePart]) -> dict[str, Any]:
    """The input of page.js: plotly's configuration, the figures, and the options of the choosers."""
    figures, options = {}, {}
    first_figures: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Figure):
            name = f"plot-{part.key}"
            by_chooser = {
                key: _deduplicate([vars(change) for change in changes], name, first_figures)
                for key, changes in part.changes.items()
            }
            figures[name] = {"traces": part.traces, "layout": part.layout, "changes": by_chooser}
        elif isinstance(part, Chooser):
            options[part.key] = list(part.options)
    return {"config": PLOTLY_CONFIG, "figures": figures, "options": options}


def _deduplicate(changes: Sequence[Any], name: str, first_figures: dict[str, str]) -> Sequence[Any] | str:
    """The changes, or the name of an earlier figure with equal ones (curves over the same horizontal axes)."""
    first = first_figures.setdefault(json.dumps(changes), name)
    return changes if first == name else first


def read_asset(name: str) -> str:
    """The text of `page.css` or `page.js`."""
    return files("netsim.reports").joinpath(name).read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


_BASE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{heading} · netsim</title>
<style>
{css}</style>
</head>
<body>
<main>
<h1>{heading}</h1>
{body}
</main>
<noscript><p>The figures need JavaScript, which this browser does not run.</p></noscript>
<script type="application/json" id="netsim-figures">{data}</script>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""
