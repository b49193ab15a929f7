"""Outcomes of messages (delivered, lost, late, cancelled, unfinished) by layer and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.reports import formatting
from netsim.reports.axes import base_layout
from netsim.reports.page_parts import Figure, LegendEntry, Swatch, Table, Trace
from netsim.reports.palette import BLUE, GREY, ORANGE, PURPLE, VERMILLION
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import Series

OUTCOME_STYLES: dict[str, tuple[str, Swatch, str]] = {
    "delivered": (BLUE, "fill", ""),
    "lost": (VERMILLION, "cross", "x"),
    "late": (ORANGE, "hatch", "/"),
    "cancelled": (PURPLE, "dots", "."),
    "unfinished": (GREY, "fill", ""),
}
"""Colour, legend symbol and bar pattern of every value of the column `fate`."""
_REGULAR = {"delivered", "unfinished"}


def outcome_figure(result: Result) -> Figure | None:
    """Shares of the messages of each layer and direction; None if no message was lost, late or cancelled."""
    counts = _counts(result)
    if counts is None:
        return None
    rows = list(dict.fromkeys(name for name, _ in counts.index))
    traces, legend = [], []
    for outcome in [one for one in OUTCOME_STYLES if one in counts.index.get_level_values(1)]:
        numbers = [int(counts.get((row, outcome), 0)) for row in rows]
        totals = [int(counts[row].sum()) for row in rows]
        traces.append(_bar(outcome, rows, numbers, totals))
        colour, swatch, _ = OUTCOME_STYLES[outcome]
        legend.append(LegendEntry(outcome, swatch, [colour], [len(traces) - 1]))
    layout = base_layout(90 + 40 * len(rows), "Share of the messages")
    layout["xaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    layout["yaxis"] |= {"autorange": "reversed", "fixedrange": True, "showgrid": False, "automargin": True}
    layout |= {"barmode": "stack", "bargap": 0.35}
    summary = ", ".join(
        f"{formatting.count(int(n))} {outcome}" for outcome, n in counts.groupby(level=1).sum().items()
    )
    return Figure("fates", "Outcomes of messages", f"All messages: {summary}.", traces, layout, legend)


def outcome_table(result: Result) -> Table | None:
    """The numbers of the figure; None where there is no figure."""
    counts = _counts(result)
    if counts is None:
        return None
    names = list(dict.fromkeys(name for name, _ in counts.index))
    rows = [
        [name, *(formatting.count(int(counts.get((name, outcome), 0))) for outcome in OUTCOME_STYLES)]
        for name in names
    ]
    return Table("Messages by outcome", ["", *(outcome.capitalize() for outcome in OUTCOME_STYLES)], rows)


def _counts(result: Result) -> Series[int] | None:
    """Messages by row and outcome, rows from the devices up; None without the column or if all are regular."""
    messages = result.messages
    if "fate" not in messages or not len(messages) or set(messages["fate"]) <= _REGULAR:
        return None
    ordered = messages.sort_values(["layer", "direction"], ascending=[True, False], kind="stable")
    names = "layer " + ordered["layer"].astype(str) + " " + ordered["direction"].astype(str)
    return ordered.groupby([names, "fate"], sort=False).size()


def _bar(outcome: str, rows: list[str], numbers: list[int], totals: list[int]) -> Trace:
    colour, _, pattern = OUTCOME_STYLES[outcome]
    marker = {"color": colour, "line": {"width": 0}, "pattern": {"shape": pattern, "solidity": 0.3}}
    shares = [number / total for number, total in zip(numbers, totals, strict=True)]
    texts = [
        f"{row}: {formatting.count(number)} of {formatting.count(total)} {outcome}"
        for row, number, total in zip(rows, numbers, totals, strict=True)
    ]
    style = {"type": "bar", "orientation": "h", "name": outcome, "marker": marker, "hoverinfo": "text"}
    return {**style, "x": shares, "y": rows, "hovertext": texts}
