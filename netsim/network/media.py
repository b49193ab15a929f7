"""Who shares a link: nobody, or everyone at once (processor sharing in virtual time)."""

from __future__ import annotations

import heapq
import math
from typing import Protocol

import simpy

TIE = 1e-12
"""Flows that finish within this fraction of the busy period so far finish together."""


class Medium(Protocol):
    """Something that serves transfers; its unit of work is one second of sole use."""

    def serve(self, work_s: float, weight: float = 1.0) -> simpy.Event:
        """An event that fires when `work_s` seconds of sole use have been served.

        Args:
            work_s: seconds the transfer takes when it has the medium to itself, finite and >= 0.
            weight: share among simultaneous transfers, finite and > 0.

        Raises:
            ValueError: work or weight out of range.
        """
        ...


class PrivateMedium:
    """A line of one's own: no contention, whatever else is on it."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env

    def serve(self, work_s: float, weight: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight does not matter."""
        _check(work_s, weight)
        return self._env.timeout(work_s)


class SharedMedium:
    """Weighted processor sharing: n simultaneous transfers each progress at rate w_i / sum w.

    Exact, O(log n) per transfer: virtual time V advances at 1 / sum w, and a transfer that arrives at V
    with work S finishes at V + S / w. One live timer, moved only when the earliest finish moves earlier; a
    timer that comes too early looks again. Simultaneous finishes fire in order of arrival.

    Reference: virtual-time (fluid GPS) scheduling, Parekh and Gallager, IEEE/ACM ToN 1(3), 1993.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._flows: list[
            tuple[float, int, float, simpy.Event]
        ] = []  # (virtual finish, arrival, weight, event)
        self._virtual = 0.0
        self._weights = 0.0
        self._seen_s = 0.0
        self._began_s = 0.0
        self._busy_s = 0.0
        self._arrivals = 0
        self._timer: simpy.Event | None = None
        self._due_s = math.inf

    @property
    def busy_s(self) -> float:
        """Seconds until now during which something was being served."""
        return self._busy_s + (self._env.now - self._began_s if self._flows else 0.0)

    def serve(self, work_s: float, weight: float = 1.0) -> simpy.Event:
        """See `Medium`."""
        _check(work_s, weight)
        event = self._env.event()
        if work_s == 0:
            return event.succeed()
        self._advance()
        if not self._flows:
            self._began_s = self._env.now
        self._arrivals += 1
        heapq.heappush(self._flows, (self._virtual + work_s / weight, self._arrivals, weight, event))
        self._weights += weight
        self._plan()
        return event

    def _advance(self) -> None:
        if self._flows:
            self._virtual += (self._env.now - self._seen_s) / self._weights
        self._seen_s = self._env.now

    def _plan(self) -> None:
        due_s = self._env.now + self._left_s()
        if due_s < self._due_s:
            self._due_s = due_s
            self._timer = self._env.timeout(due_s - self._env.now)
            self._timer.callbacks.append(self._look)

    def _left_s(self) -> float:
        return max(0.0, (self._flows[0][0] - self._virtual) * self._weights)

    def _look(self, timer: simpy.Event) -> None:
        if timer is not self._timer:  # an earlier one took its place: SimPy cannot cancel
            return
        self._timer, self._due_s = None, math.inf
        self._advance()
        done = []
        while self._flows and self._is_due():
            flow = heapq.heappop(self._flows)
            self._virtual = max(self._virtual, flow[0])
            done.append(flow)
        self._weights -= sum(weight for _, _, weight, _ in done)
        for *_, event in sorted(done, key=lambda flow: flow[1]):
            event.succeed()
        if self._flows:
            self._plan()
        else:
            self._rest()

    def _is_due(self) -> bool:
        left_s, now = self._left_s(), self._env.now
        return left_s <= TIE * (now - self._began_s) or now + left_s <= now  # the second: no zero-delay loop

    def _rest(self) -> None:
        self._busy_s += self._env.now - self._began_s
        self._virtual = self._weights = 0.0  # rounding errors do not outlive a busy period


def _check(work_s: float, weight: float) -> None:
    if not 0 <= work_s < math.inf:
        raise ValueError(f"work must be finite and >= 0 s, got {work_s}; is a rate zero or a size negative?")
    if not 0 < weight < math.inf:
        raise ValueError(f"weight must be finite and > 0, got {weight}; equal shares are weight 1")
