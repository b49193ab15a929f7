"""What befell nodes, drawn over what they do: time spent down, cut off or slow, and the instants of handovers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from netsim.reports.palette import INK, PURPLE, VERMILLION

if TYPE_CHECKING:
    from pandas import DataFrame

EventKind = Literal["down", "link down", "slow", "handover"]

MARK = 0.006
"""Width of an instant, as a share of the round."""
COLOURS: dict[EventKind, str] = {"down": VERMILLION, "link down": PURPLE, "slow": PURPLE, "handover": INK}


class EventInterval(NamedTuple):
    """From one instant of the run to another a node was in this state; a handover has no length."""

    node: str
    befell: EventKind
    begin_s: float
    end_s: float


def spells(events: DataFrame | None) -> list[EventInterval]:
    """All of a run, in order of their ends; what was not over at its end has an infinite one."""
    if events is None:
        return []
    begun: dict[tuple[str, EventKind], tuple[float, int]] = {}
    found: list[EventInterval] = []
    for row in events[["time_s", "kind", "node"]].itertuples(index=False, name=None):
        now_s, kind, node = float(row[0]), str(row[1]), str(row[2])
        if kind in _INSTANTS:
            found.append(EventInterval(node, "handover", now_s, now_s))
        if kind in _BEGIN:
            since_s, depth = begun.get((node, _BEGIN[kind]), (now_s, 0))
            begun[node, _BEGIN[kind]] = since_s, depth + 1
        elif kind in _END and (node, _END[kind]) in begun:
            since_s, depth = begun.pop((node, _END[kind]))
            if depth > 1:  # another fault still holds it
                begun[node, _END[kind]] = since_s, depth - 1
            else:
                found.append(EventInterval(node, _END[kind], since_s, now_s))
    return found + [
        EventInterval(node, befell, since_s, math.inf) for (node, befell), (since_s, _) in begun.items()
    ]


def within(found: list[EventInterval], start_s: float, end_s: float) -> list[EventInterval]:
    """Those of a round, in seconds from its start and cut off at its ends; instants get a width to be seen."""
    cut = []
    for node, befell, begin_s, over_s in found:
        if befell == "handover" and start_s <= begin_s < end_s:
            cut.append(
                EventInterval(node, befell, begin_s - start_s, begin_s - start_s + MARK * (end_s - start_s))
            )
        elif min(over_s, end_s) > max(begin_s, start_s):
            cut.append(
                EventInterval(node, befell, max(begin_s, start_s) - start_s, min(over_s, end_s) - start_s)
            )
    return cut


_BEGIN: dict[str, EventKind] = {"down": "down", "detach": "down", "link_down": "link down", "slow": "slow"}
_END: dict[str, EventKind] = {"up": "down", "attach": "down", "link_up": "link down", "normal": "slow"}
_INSTANTS = ("handover", "attach")
