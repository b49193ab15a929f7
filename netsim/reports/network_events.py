"""What befell the network over a whole run: when which node was down, cut off or slow, and who changed its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.reports import formatting
from netsim.reports.axes import layout
from netsim.reports.event_marks import COLOURS, EventInterval, EventKind, spells
from netsim.reports.page_parts import Figure, Legend, Table, Trace
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

NODES, ROWS = 40, 20
"""Nodes drawn and events listed; the rest is counted."""


def befallen_figure(result: Result) -> Figure | None:
    """A row per node that something befell, over simulated time; None where nothing did."""
    found = spells(result.events)
    if not found:
        return None
    names = list(dict.fromkeys(spell.node for spell in sorted(found, key=lambda s: s.begin_s)))
    end_s = max([result.sim_time_s, *(spell.begin_s for spell in found)])
    scale = formatting.time_scale(end_s)
    shown = names[:NODES]
    kinds: list[EventKind] = [kind for kind in COLOURS if any(spell.befell == kind for spell in found)]
    traces = [
        _bars(kind, [s for s in found if s.befell == kind and s.node in shown], end_s, scale)
        for kind in kinds
    ]
    frame = layout(110 + 18 * len(shown), f"Simulated time ({scale.unit})")
    frame["xaxis"] |= {"range": [0, 1.01 * end_s / scale.size]}
    frame["yaxis"] |= {
        "type": "category", "categoryarray": shown, "categoryorder": "array", "autorange": "reversed",
        "fixedrange": True, "showgrid": False, "automargin": True,
    }  # fmt: skip
    frame |= {"barmode": "overlay", "bargap": 0.3}
    legend = [Legend(kind, "fill", [COLOURS[kind]], [k]) for k, kind in enumerate(kinds)]
    told = ", ".join(
        f"{formatting.count(sum(s.befell == kind for s in found))} times {kind}" for kind in kinds
    )
    more = (
        f" Drawn are the first {NODES} of {formatting.count(len(names))} nodes." if len(names) > NODES else ""
    )
    return Figure("befallen", "What befell nodes", f"{told}.{more}", traces, frame, legend)


def befallen_table(events: DataFrame) -> Table:
    """The first events, as they happened."""
    heads = ["", "Round", "Node", "From", "To", "Because"]
    listed = events[["time_s", "kind", "round", "node", "from", "to", "reason"]].head(ROWS).values.tolist()
    rows = [[f"{formatting.seconds(float(at_s))}: {kind}", *map(str, told)] for at_s, kind, *told in listed]
    rest = (
        f"; {formatting.count(len(events) - ROWS)} more are in events.parquet" if len(events) > ROWS else ""
    )
    return Table(f"Events{rest}", heads, rows)


def _bars(kind: EventKind, found: list[EventInterval], end_s: float, scale: formatting.Scale) -> Trace:
    least_s = 0.004 * end_s  # an instant has to be seen
    lengths = [max(least_s, min(s.end_s, end_s) - s.begin_s) / scale.size for s in found]
    texts = [f"{s.node}: {kind} from {formatting.seconds(s.begin_s)}" for s in found]
    marker = {"color": COLOURS[kind], "line": {"width": 0}}
    drawn = {"type": "bar", "orientation": "h", "name": kind, "marker": marker, "hoverinfo": "text"}
    base = [s.begin_s / scale.size for s in found]
    return {**drawn, "base": base, "x": lengths, "y": [s.node for s in found], "hovertext": texts}
