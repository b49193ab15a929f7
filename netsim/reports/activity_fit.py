"""Intervals in which a node receives, is busy or sends in one round, fitted to the durations in the nodes table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Activity = Literal["receiving", "busy", "sending"]
Bounds = Literal["exact", "open_end", "open_begin"]
"""Which bounds of an interval the messages determine: both; the beginning (`end_s` is the latest end); the end
(`begin_s` is the earliest beginning)."""

ROUNDING_S = 1e-12
"""Intervals shorter than this are rounding errors."""


@dataclass
class ActivityInterval:
    """An activity of a node from `begin_s` to `end_s`.

    A transfer (receiving, sending) uses a link of `layer`, has exclusive airtime `airtime_s` and ends at
    `transfer_end_s`, which may lie in a later round. `soft_end_s` is the instant of the parent's next message: an
    exchange without an answer may have been aborted by then.
    """

    activity: Activity
    begin_s: float
    end_s: float
    layer: int = 0
    airtime_s: float = 0.0
    transfer_end_s: float = math.inf
    bounds: Bounds = "exact"
    soft_end_s: float = math.inf

    @property
    def duration_s(self) -> float:
        """Length of the interval in seconds."""
        return self.end_s - self.begin_s

    @property
    def service_begin_s(self) -> float:
        """The earliest beginning of the airtime; before it the transfer waited in a queue."""
        return min(max(self.begin_s, self.transfer_end_s - self.airtime_s), self.end_s)


class ActivitySeconds(NamedTuple):
    """Seconds of a round that a node spent in each activity, from the nodes table."""

    receiving_s: float
    busy_s: float
    sending_s: float


def fit_intervals(intervals: list[ActivityInterval], recorded: ActivitySeconds | None) -> None:
    """Move the open bounds of a round's intervals, in place, until their durations add up to the recorded ones.

    Without a record an unanswered exchange is busy until the parent's next message.
    """
    for interval in intervals:
        if recorded is None and interval.bounds == "open_end":
            interval.end_s = max(interval.begin_s, min(interval.end_s, interval.soft_end_s))
    if recorded is not None:
        _fit_receiving(intervals, recorded)
        _fit_busy(intervals, recorded.busy_s)


def _fit_receiving(intervals: list[ActivityInterval], recorded: ActivitySeconds) -> None:
    """Shorten or extend the receiving intervals.

    A multicast ends when its last receiver has it, which may be later than at this node. A reception that was
    aborted ended by the parent's next message, or earlier if the node left, in which case it did no work beyond
    what it answered. A node that received nothing until then was down.
    """
    receiving = [k for k, interval in enumerate(intervals) if interval.activity == "receiving"]
    excess_s = sum(intervals[k].duration_s for k in receiving) - recorded.receiving_s
    answered_s = sum(one.duration_s for one in intervals if one.activity == "busy" and one.bounds == "exact")
    has_left = recorded.busy_s <= answered_s + _tolerance_s(recorded.busy_s)
    tolerance_s = _tolerance_s(recorded.receiving_s)
    for k in (k for k in reversed(receiving) if intervals[k].bounds == "open_end" and excess_s > tolerance_s):
        earliest_s = intervals[k].begin_s if has_left else min(intervals[k].soft_end_s, intervals[k].end_s)
        excess_s -= _move_end(intervals, k, max(earliest_s, intervals[k].end_s - excess_s))
    total_s = sum(intervals[k].duration_s for k in receiving)
    if excess_s > tolerance_s and total_s > 0:
        for k in receiving:
            duration_s = intervals[k].duration_s * (recorded.receiving_s / total_s)
            _move_end(intervals, k, intervals[k].begin_s + duration_s)
    elif receiving and excess_s < -tolerance_s:
        _move_end(intervals, receiving[-1], intervals[receiving[-1]].end_s - excess_s)


def _move_end(intervals: list[ActivityInterval], k: int, end_s: float) -> float:
    """Move the end of interval k and the beginning of an adjacent busy interval; return the seconds removed."""
    interval, following = intervals[k], intervals[k + 1] if k + 1 < len(intervals) else None
    old_s = interval.end_s
    if following is not None and following.activity == "busy" and following.begin_s == old_s:
        interval.end_s = following.begin_s = max(interval.begin_s, min(end_s, following.end_s))
    else:
        interval.end_s = max(interval.begin_s, min(end_s, old_s))
    if interval.end_s != old_s:
        interval.transfer_end_s = interval.end_s
    return max(0.0, old_s - interval.end_s)


def _fit_busy(intervals: list[ActivityInterval], recorded_s: float) -> None:
    busy = [interval for interval in intervals if interval.activity == "busy"]
    exact, open_begin, open_end = (
        [one for one in busy if one.bounds == bounds] for bounds in ("exact", "open_begin", "open_end")
    )
    remaining_s = recorded_s - sum(interval.duration_s for interval in exact)
    if remaining_s < -_tolerance_s(recorded_s):
        _shorten(intervals, exact, -remaining_s)
    for interval in open_begin:
        interval.begin_s = max(interval.begin_s, interval.end_s - max(remaining_s, 0.0))
        remaining_s -= interval.duration_s
    _distribute(open_end, remaining_s)


def _distribute(intervals: Sequence[ActivityInterval], remaining_s: float) -> None:
    """Distribute busy seconds over unanswered exchanges: up to the parent's next message first, then beyond it."""
    latest = [interval.end_s for interval in intervals]
    for interval in intervals:
        limit_s = min(interval.end_s, interval.soft_end_s) - interval.begin_s
        interval.end_s = interval.begin_s + max(0.0, min(limit_s, remaining_s))
        remaining_s -= interval.duration_s
    for interval, end_s in zip(reversed(intervals), reversed(latest), strict=True):
        more_s = max(0.0, min(end_s - interval.end_s, remaining_s))
        interval.end_s += more_s
        remaining_s -= more_s


def _shorten(intervals: list[ActivityInterval], exact: Sequence[ActivityInterval], excess_s: float) -> None:
    """Turn excess busy seconds before an answer into sending: the answer was ready but the link was down."""
    for interval in reversed(exact):
        cut_s = min(excess_s, interval.duration_s)
        if cut_s > ROUNDING_S:
            k = next(k for k, one in enumerate(intervals) if one is interval)
            layer = next((one.layer for one in intervals[k:] if one.activity == "sending"), 0)
            intervals.insert(
                k + 1, ActivityInterval("sending", interval.end_s - cut_s, interval.end_s, layer)
            )
            interval.end_s -= cut_s
        excess_s -= cut_s


def _tolerance_s(seconds: float) -> float:
    return 1e-9 * max(seconds, 1e-3)
