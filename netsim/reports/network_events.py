"""Changes of the network during a run: intervals in which a node was down, detached or slow, and handovers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import base_layout
from netsim.reports.page_parts import Figure, LegendEntry, Table, Trace
from netsim.reports.palette import INK, PURPLE, VERMILLION
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_NODES, MAX_ROWS = 40, 20
"""Nodes in the figure and events in the table; the page states how many are left out."""

EventKind = Literal["down", "link down", "slow", "handover"]

INSTANT_WIDTH = 0.006
"""Drawn width of a handover, as a share of the round."""
EVENT_COLOURS: dict[EventKind, str] = {
    "down": VERMILLION,
    "link down": PURPLE,
    "slow": PURPLE,
    "handover": INK,
}


class EventInterval(NamedTuple):
    """A node was in the state `kind` from `begin_s` to `end_s`; a handover has zero length."""

    node: str
    kind: EventKind
    begin_s: float
    end_s: float


def event_intervals(events: DataFrame | None) -> list[EventInterval]:
    """The intervals of a run in order of their ends; those open at the end of the run have an infinite end.

    Overlapping faults of one kind at one node form one interval, which ends with the last of them.
    """
    if events is None:
        return []
    open_intervals: dict[tuple[str, EventKind], tuple[float, int]] = {}
    intervals: list[EventInterval] = []
    for row in events[["time_s", "kind", "node"]].itertuples(index=False, name=None):
        now_s, event, node = float(row[0]), str(row[1]), str(row[2])
        if event in _INSTANTS:
            intervals.append(EventInterval(node, "handover", now_s, now_s))
        if event in _BEGINS:
            begin_s, depth = open_intervals.get((node, _BEGINS[event]), (now_s, 0))
            open_intervals[node, _BEGINS[event]] = begin_s, depth + 1
        elif event in _ENDS and (node, _ENDS[event]) in open_intervals:
            begin_s, depth = open_intervals.pop((node, _ENDS[event]))
            if depth > 1:  # another fault is still active
                open_intervals[node, _ENDS[event]] = begin_s, depth - 1
            else:
                intervals.append(EventInterval(node, _ENDS[event], begin_s, now_s))
    return intervals + [
        EventInterval(node, kind, begin_s, math.inf) for (node, kind), (begin_s, _) in open_intervals.items()
    ]


def clip_to_round(intervals: list[EventInterval], start_s: float, end_s: float) -> list[EventInterval]:
    """The parts of the intervals within a round, in seconds from its start; handovers get a visible width."""
    clipped = []
    for node, kind, begin_s, interval_end_s in intervals:
        if kind == "handover" and start_s <= begin_s < end_s:
            width_s = INSTANT_WIDTH * (end_s - start_s)
            clipped.append(EventInterval(node, kind, begin_s - start_s, begin_s - start_s + width_s))
        elif min(interval_end_s, end_s) > max(begin_s, start_s):
            clipped.append(
                EventInterval(
                    node, kind, max(begin_s, start_s) - start_s, min(interval_end_s, end_s) - start_s
                )
            )
    return clipped


def events_figure(result: Result) -> Figure | None:
    """Intervals over simulated time, a row per affected node; None without events."""
    intervals = event_intervals(result.events)
    if not intervals:
        return None
    names = list(dict.fromkeys(one.node for one in sorted(intervals, key=lambda one: one.begin_s)))
    end_s = max([result.sim_time_s, *(one.begin_s for one in intervals)])
    scale = formatting.time_scale(end_s)
    shown = names[:MAX_NODES]
    kinds: list[EventKind] = [kind for kind in EVENT_COLOURS if any(one.kind == kind for one in intervals)]
    traces = [
        _bars(kind, [one for one in intervals if one.kind == kind and one.node in shown], end_s, scale)
        for kind in kinds
    ]
    layout = base_layout(110 + 18 * len(shown), f"Simulated time ({scale.unit})")
    layout["xaxis"] |= {"range": [0, 1.01 * end_s / scale.size]}
    layout["yaxis"] |= {
        "type": "category", "categoryarray": shown, "categoryorder": "array", "autorange": "reversed",
        "fixedrange": True, "showgrid": False, "automargin": True,
    }  # fmt: skip
    layout |= {"barmode": "overlay", "bargap": 0.3}
    legend = [LegendEntry(kind, "fill", [EVENT_COLOURS[kind]], [k]) for k, kind in enumerate(kinds)]
    counts = ", ".join(
        f"{kind}: {formatting.count(sum(one.kind == kind for one in intervals))} times" for kind in kinds
    )
    omitted = (
        f" The figure shows the first {MAX_NODES} of {formatting.count(len(names))} nodes."
        if len(names) > MAX_NODES
        else ""
    )
    description = f"Number of intervals by kind: {counts}.{omitted}"
    return Figure("events", "Failures, slowdowns and handovers by node", description, traces, layout, legend)


def events_table(events: DataFrame) -> Table:
    """The first events in order of time."""
    header = ["", "Round", "Node", "From", "To", "Reason"]
    first = events[["time_s", "kind", "round", "node", "from", "to", "reason"]].head(MAX_ROWS).values.tolist()
    rows = [
        [f"{formatting.seconds(float(time_s))}: {kind}", *map(str, rest)] for time_s, kind, *rest in first
    ]
    omitted = len(events) - MAX_ROWS
    suffix = f"; {formatting.count(omitted)} more are in events.parquet" if omitted > 0 else ""
    return Table(f"Events{suffix}", header, rows)


def _bars(kind: EventKind, intervals: list[EventInterval], end_s: float, scale: formatting.Scale) -> Trace:
    shortest_s = 0.004 * end_s  # the drawn length of an instant
    lengths = [max(shortest_s, min(one.end_s, end_s) - one.begin_s) / scale.size for one in intervals]
    texts = [f"{one.node}: {kind} from {formatting.seconds(one.begin_s)}" for one in intervals]
    marker = {"color": EVENT_COLOURS[kind], "line": {"width": 0}}
    style = {"type": "bar", "orientation": "h", "name": kind, "marker": marker, "hoverinfo": "text"}
    base = [one.begin_s / scale.size for one in intervals]
    return {**style, "base": base, "x": lengths, "y": [one.node for one in intervals], "hovertext": texts}


_BEGINS: dict[str, EventKind] = {"down": "down", "detach": "down", "link_down": "link down", "slow": "slow"}
_ENDS: dict[str, EventKind] = {"up": "down", "attach": "down", "link_up": "link down", "normal": "slow"}
_INSTANTS = ("handover", "attach")
