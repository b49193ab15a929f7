"""One HTML file that needs nothing else: no network, no server, no second file.

Everything a scenario's author wrote is escaped, also inside script elements, and a content security policy
lets only this page's own two scripts run and nothing be fetched.
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

from netsim.reports.html import parts_html, section_html
from netsim.reports.page_parts import Chooser, Figure, Part, Section

CONFIG = {
    "showSendToCloud": False,
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d"],
}
"""No upload button, no foreign logo, no button without a use, plots as wide as their column."""


def page_html(heading: str, sections: Sequence[Section], opening: Sequence[Part] = ()) -> str:
    """The whole page: a heading, its opening parts, one section after the other."""
    from plotly.offline import get_plotlyjs

    parts = [*opening, *(part for section in sections for part in section.parts)]
    scripts = [get_plotlyjs(), asset("page.js")]
    policy = f"{_NOTHING}; script-src {' '.join(map(_fingerprint, scripts))}"
    body = "\n".join((parts_html(opening), *(section_html(section) for section in sections)))
    return _PAGE.format(
        heading=escape(heading),
        policy=escape(policy),
        css=asset("page.css"),
        body=body,
        data=script_json(page_data(parts)),
        plotly=scripts[0],
        script=scripts[1],
    )


def write_page(html: str, path: Path) -> Path:
    """Write the page as one file, whole or not at all, and return its absolute path."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        # A browser reads what is written to the byte: the scripts' fingerprints depend on it.
        fresh.write_bytes(html.encode("utf-8", "backslashreplace"))
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it ends that element or begins another."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page_data(parts: Iterable[Part]) -> dict[str, Any]:
    """What the page's script needs to draw the parts that `markup` has written."""
    figures, options = {}, {}
    told: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Figure):
            name = f"plot-{part.key}"
            changes = {
                key: _once([vars(change) for change in known], name, told)
                for key, known in part.changes.items()
            }
            figures[name] = {"traces": part.traces, "layout": part.layout, "changes": changes}
        elif isinstance(part, Chooser):
            options[part.key] = list(part.options)
    return {"config": CONFIG, "figures": figures, "options": options}


def _once(changes: Sequence[Any], name: str, told: dict[str, str]) -> Sequence[Any] | str:
    """The changes, or the name of the figure that has had equal ones: curves share their horizontal axes."""
    first = told.setdefault(json.dumps(changes), name)
    return changes if first == name else first


def asset(name: str) -> str:
    """The text of `page.css` or `page.js`."""
    return files("netsim.reports").joinpath(name).read_text(encoding="utf-8")


def _fingerprint(script: str) -> str:
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


_NOTHING = (
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
<noscript><p>Scripts inside this file draw the figures; this browser does not run them.</p></noscript>
<script type="application/json" id="netsim-figures">{data}</script>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""
