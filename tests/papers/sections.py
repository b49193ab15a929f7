"""The section of a claim on the page, and its markers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go


class Section(NamedTuple):
    """A claim's table, its figure, and a text with the result."""

    table: str
    figure: go.Figure
    verdict: str


Reader = Callable[[pd.DataFrame], Section]


def replace_section(page: str, name: str, text: str) -> str:
    """The page with `text` between a claim's markers. Raises ValueError if the page does not have them."""
    start, end = f"<!-- make papers: {name} -->", f"<!-- end of {name} -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(
            f"docs/results.md must hold the line {start} and, below it, {end} once each; add them"
        )
    body = f"{start}\n{text}\n{end}"
    return re.sub(f"{re.escape(start)}.*{re.escape(end)}", lambda _: body, page, flags=re.DOTALL)
