"""What became of a run's messages: delivered, lost, late, cancelled or unfinished, per layer and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.reports import formatting
from netsim.reports.axes import layout
from netsim.reports.page_parts import Figure, Legend, Swatch, Table, Trace
from netsim.reports.palette import BLUE, GREY, ORANGE, PURPLE, VERMILLION
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import Series

LOOKS: dict[str, tuple[str, Swatch, str]] = {
    "delivered": (BLUE, "fill", ""),
    "lost": (VERMILLION, "cross", "x"),
    "late": (ORANGE, "hatch", "/"),
    "cancelled": (PURPLE, "dots", "."),
    "unfinished": (GREY, "fill", ""),
}
"""Colour, swatch and pattern of every fate that a message can have."""
_DULL = {"delivered", "unfinished"}


def fate_figure(result: Result) -> Figure | None:
    """Shares of the messages of each layer and direction; None where none was lost, late or cancelled."""
    counts = _counts(result)
    if counts is None:
        return None
    rows = list(dict.fromkeys(name for name, _ in counts.index))
    traces, legend = [], []
    for fate in [fate for fate in LOOKS if fate in counts.index.get_level_values(1)]:
        found = [int(counts.get((row, fate), 0)) for row in rows]
        whole = [int(counts[row].sum()) for row in rows]
        traces.append(_bar(fate, rows, found, whole))
        colour, swatch, _ = LOOKS[fate]
        legend.append(Legend(fate, swatch, [colour], [len(traces) - 1]))
    frame = layout(90 + 40 * len(rows), "Share of the messages")
    frame["xaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    frame["yaxis"] |= {"autorange": "reversed", "fixedrange": True, "showgrid": False, "automargin": True}
    frame |= {"barmode": "stack", "bargap": 0.35}
    said = ", ".join(
        f"{formatting.count(int(n))} {fate}" for fate, n in counts.groupby(level=1).sum().items()
    )
    return Figure("fates", "What became of messages", f"Of all messages {said}.", traces, frame, legend)


def fate_table(result: Result) -> Table | None:
    """The numbers of the figure; None where there is none."""
    counts = _counts(result)
    if counts is None:
        return None
    rows = list(dict.fromkeys(name for name, _ in counts.index))
    cells = [[row, *(formatting.count(int(counts.get((row, fate), 0))) for fate in LOOKS)] for row in rows]
    return Table("Messages by what became of them", ["", *(fate.capitalize() for fate in LOOKS)], cells)


def _counts(result: Result) -> Series[int] | None:
    """Messages by (row, fate), rows from the devices up; None for tables without fates, or without any of note."""
    sent = result.messages
    if "fate" not in sent or not len(sent) or set(sent["fate"]) <= _DULL:
        return None
    ordered = sent.sort_values(["layer", "direction"], ascending=[True, False], kind="stable")
    names = "layer " + ordered["layer"].astype(str) + " " + ordered["direction"].astype(str)
    return ordered.groupby([names, "fate"], sort=False).size()


def _bar(fate: str, rows: list[str], found: list[int], whole: list[int]) -> Trace:
    colour, _, pattern = LOOKS[fate]
    marker = {"color": colour, "line": {"width": 0}, "pattern": {"shape": pattern, "solidity": 0.3}}
    shares = [number / total for number, total in zip(found, whole, strict=True)]
    texts = [
        f"{row}: {formatting.count(n)} of {formatting.count(t)} {fate}"
        for row, n, t in zip(rows, found, whole, strict=True)
    ]
    drawn = {"type": "bar", "orientation": "h", "name": fate, "marker": marker, "hoverinfo": "text"}
    return {**drawn, "x": shares, "y": rows, "hovertext": texts}
