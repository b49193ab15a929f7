"""The elements of a report page as plain data: figures, choosers, tables, paragraphs, sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Trace = dict[str, Any]
"""One trace in plotly's JSON schema, with values already in the unit of the axis."""

HATCHED = "hatched"
"""Value of a trace's `meta`: its bars are hatched, so their labels take the text colour of the page."""

Swatch = Literal["line", "dashes", "fill", "hatch", "cross", "dots", "disc", "ring", "diamond"]
"""Symbol of a legend entry."""


@dataclass(frozen=True)
class LegendEntry:
    """A legend entry: its symbol and colours, and the indices of the traces that its button shows and hides."""

    label: str
    swatch: Swatch
    colours: Sequence[str]
    traces: Sequence[int]


@dataclass(frozen=True)
class Change:
    """How one option of a chooser changes a figure: arguments of `Plotly.update`; lists have one entry per trace."""

    traces: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A plot without theme colours; `description` is its text alternative for screen readers.

    `changes[key]` has one `Change` for each option of the chooser with that key.
    """

    key: str
    title: str
    description: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    legend: Sequence[LegendEntry] = ()
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)


@dataclass(frozen=True)
class Chooser:
    """Options that change every figure with changes for `key`; `initial` is the index of the first selection."""

    key: str
    label: str
    options: Sequence[str]
    form: Literal["buttons", "slider"] = "buttons"
    initial: int = 0


@dataclass(frozen=True)
class Table:
    """A table of text; the first column holds row names, the others numbers."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str


@dataclass(frozen=True)
class Code:
    """Preformatted text in a scrollable box; `label` names it for screen readers."""

    label: str
    text: str


@dataclass(frozen=True)
class KeyValues:
    """Pairs of a name and a value in a row of boxes; `large` for the headline of a page."""

    pairs: Sequence[tuple[str, str]]
    large: bool = False


PagePart = Figure | Chooser | Table | Paragraph | Code | KeyValues


@dataclass(frozen=True)
class Section:
    """A heading with the parts below it; consecutive figures are placed side by side where the width allows."""

    key: str
    title: str
    parts: Sequence[PagePart]
