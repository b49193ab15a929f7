"""What a page is made of: figures, choosers, tables, words; plain data, so that each is tested alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Trace = dict[str, Any]
"""One trace in plotly's JSON vocabulary, with numbers already in the unit of its axis."""

ON_PAPER = "on-paper"
"""As a trace's `meta`: its labels stand on the page's own background and take the colour of its text."""

Swatch = Literal["line", "dashes", "fill", "hatch", "cross", "dots", "disc", "ring", "diamond"]


@dataclass(frozen=True)
class Legend:
    """A legend entry: what is drawn how, in which colours, and the traces its button hides."""

    label: str
    swatch: Swatch
    colours: Sequence[str]
    traces: Sequence[int]


@dataclass(frozen=True)
class Change:
    """What an option does to a figure: plotly's `update(traces, layout)`; lists hold one entry per trace."""

    traces: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A plot without colours of its theme; `says` describes it to those who cannot see it.

    `changes[chooser]` has one Change for each option of the chooser of that key.
    """

    key: str
    title: str
    says: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    legend: Sequence[Legend] = ()
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)


@dataclass(frozen=True)
class Chooser:
    """Options that change every figure which knows the chooser's key; option `start` is chosen at first."""

    key: str
    label: str
    options: Sequence[str]
    form: Literal["buttons", "slider"] = "buttons"
    start: int = 0


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column names the row, the others are numbers."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Text shown as it was written, long or wide: it scrolls."""

    label: str
    text: str


@dataclass(frozen=True)
class Facts:
    """Names with values, one beside the other; `large` for a headline."""

    pairs: Sequence[tuple[str, str]]
    large: bool = False


Part = Figure | Chooser | Table | Words | Code | Facts


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it; consecutive figures stand side by side where there is room."""

    key: str
    title: str
    parts: Sequence[Part]
