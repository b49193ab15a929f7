"""Slowdown of devices: the duration of work that overlaps intervals of slow computing."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netsim.dynamics.fault_times import FaultInterval


@dataclass
class DeviceSlowdown:
    """The intervals in which computing on one device takes `factor` times as long."""

    factor: float
    intervals: Iterator[FaultInterval]
    _cached: deque[FaultInterval] = field(default_factory=deque)

    def discard_before(self, time_s: float) -> None:
        """Discard intervals that end before a time; `at` must not be called with an earlier time afterwards."""
        while self._cached and self._cached[0].end_s <= time_s:
            self._cached.popleft()

    def at(self, now_s: float) -> tuple[float, float]:
        """The factor on the duration of work at a time, and the time until which it is constant, s."""
        for interval in self._from(now_s):
            return (1.0, interval.begin_s) if now_s < interval.begin_s else (self.factor, interval.end_s)
        return 1.0, math.inf

    def _from(self, now_s: float) -> Iterator[FaultInterval]:
        """The intervals that end after a time."""
        yield from (interval for interval in self._cached if interval.end_s > now_s)
        for interval in self.intervals:
            self._cached.append(interval)
            if interval.end_s > now_s:
                yield interval


def slowed_duration_s(seconds: float, at_s: float, slowdowns: Sequence[DeviceSlowdown]) -> float:
    """Duration of work of `seconds` that starts at `at_s`, s; factors of overlapping intervals are multiplied."""
    remaining_s, now_s = seconds, at_s
    for slowdown in slowdowns:
        slowdown.discard_before(at_s)
    while True:
        states = [slowdown.at(now_s) for slowdown in slowdowns]
        factor = math.prod(state[0] for state in states)
        until_s = min((state[1] for state in states), default=math.inf)
        if remaining_s * factor <= until_s - now_s:
            return seconds if now_s == at_s and factor == 1 else now_s + remaining_s * factor - at_s
        remaining_s, now_s = remaining_s - (until_s - now_s) / factor, until_s
