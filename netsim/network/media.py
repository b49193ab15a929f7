"""Media without a queue: a dedicated link, and processor sharing in virtual time with rate caps."""

from __future__ import annotations

import math
from typing import Protocol

import simpy

from netsim.network.water_filling import WaterFilling

TIE = 1e-12
"""Transfers that finish within this fraction of the current busy period finish together."""


class Medium(Protocol):
    """A server of transfers; the work of a transfer is its airtime (transmission time at the full rate), s."""

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """Start the service of a transfer; return an event that fires when it is served.

        Args:
            work_s: airtime, s: the service time without contention; finite and >= 0.
            weight: share relative to simultaneous transfers, finite and > 0.
            cap: largest fraction of the medium that this transfer can use, in (0, 1].

        Raises:
            ValueError: work, weight or cap out of range.
        """
        ...

    def remaining_s(self, served: simpy.Event) -> float:
        """Remaining airtime of a transfer now, s, by its `serve` event; 0 once it is served."""
        ...

    def cancel(self, served: simpy.Event) -> None:
        """Stop a transfer now, by its `serve` event, which runs no callbacks; the others share its capacity.

        Without effect once the transfer is served.
        """
        ...


class DedicatedService(simpy.Timeout):
    """The service of a transfer without contention: it starts now and ends at a known time."""

    def __init__(self, env: simpy.Environment, length_s: float, cap: float) -> None:
        super().__init__(env, length_s)
        self._started_s, self._length_s, self._cap = env.now, length_s, cap

    def remaining_s(self) -> float:
        """Remaining airtime now, s."""
        return max(0.0, self._length_s - (self.env.now - self._started_s)) * self._cap


class DedicatedMedium:
    """A dedicated link: no contention among its transfers."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight has no effect."""
        check_service(work_s, weight, cap)
        return DedicatedService(self._env, work_s / cap, cap)

    def remaining_s(self, served: simpy.Event) -> float:
        """See `Medium`."""
        assert isinstance(served, DedicatedService)
        return served.remaining_s()

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; other transfers are not affected."""
        discard_callbacks(served)


class SharedMedium:
    """Weighted processor sharing with caps: transfer i progresses at min(cap_i, w_i L), by water-filling.

    The level L makes the rates sum to 1 (or every transfer is at its cap): the max-min fair allocation.
    Without caps n simultaneous transfers each progress at w_i / sum w.

    Exact, O(log n) per transfer and per crossing of a cap: uncapped transfers are scheduled in virtual time V, which
    advances at rate L; one with remaining work S at V finishes at V + S / w. Capped transfers finish at a known
    simulated time. When L passes cap / w, a transfer changes from one group to the other. There is one active timer,
    replaced only when the earliest finish becomes earlier; when the timer fires too early, it is set again.
    Simultaneous finishes fire in order of arrival.

    References: virtual time (fluid GPS), Parekh and Gallager, IEEE/ACM ToN 1(3), 1993; max-min fairness
    with per-flow caps (water-filling), Bertsekas and Gallager, Data Networks, 2nd ed., 6.5.2.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._filling = WaterFilling()
        self._advanced_s = 0.0
        self._busy_since_s = 0.0
        self._busy_s = 0.0
        self._arrivals = 0
        self._timer: simpy.Event | None = None
        self._timer_s = math.inf
        self._remaining_s: dict[simpy.Event, float] = {}
        self._remaining_at_s = -math.inf

    @property
    def busy_s(self) -> float:
        """Total time until now during which a transfer was in service, s."""
        return self._busy_s + (self._env.now - self._busy_since_s if self._filling.count else 0.0)

    @property
    def serving(self) -> list[simpy.Event]:
        """The `serve` events of the transfers in service."""
        return list(self._filling.remaining_s(self._env.now))

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`."""
        check_service(work_s, weight, cap)
        event = self._env.event()
        if work_s == 0:
            return event.succeed()
        self._advance()
        if not self._filling.count:
            self._busy_since_s = self._env.now
        self._arrivals += 1
        self._filling.add(self._arrivals, work_s, weight, cap, event, self._env.now)
        self._set_timer()
        return event

    def remaining_s(self, served: simpy.Event) -> float:
        """See `Medium`."""
        if self._remaining_at_s != self._env.now:
            self._advance()
            self._remaining_s = self._filling.remaining_s(self._env.now)
            self._remaining_at_s = self._env.now
        return self._remaining_s.get(served, 0.0)

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; O(n)."""
        discard_callbacks(served)
        if served.triggered:
            return
        self._advance()
        self._remaining_at_s = -math.inf
        self._filling.remove(served, self._env.now)
        if self._filling.count:
            self._set_timer()
        else:
            self._timer, self._timer_s = None, math.inf
            self._end_busy_period()

    def _advance(self) -> None:
        self._filling.advance(self._env.now - self._advanced_s)
        self._advanced_s = self._env.now

    def _set_timer(self) -> None:
        finish_s = self._env.now + self._filling.next_completion_s(self._env.now)
        if finish_s < self._timer_s:
            self._timer_s = finish_s
            self._timer = self._env.timeout(finish_s - self._env.now)
            self._timer.callbacks.append(self._complete)

    def _complete(self, timer: simpy.Event) -> None:
        if timer is not self._timer:  # replaced by an earlier one: SimPy cannot cancel a timeout
            return
        self._timer, self._timer_s = None, math.inf
        self._advance()
        completed = []
        while self._filling.count and self._is_next_due():
            completed.append(self._filling.pop(self._env.now))
        for _, event in sorted(completed, key=lambda flow: flow[0]):
            event.succeed()
        if self._filling.count:
            self._filling.settle(self._env.now)
            self._set_timer()
        else:
            self._end_busy_period()

    def _is_next_due(self) -> bool:
        wait_s, now = self._filling.next_completion_s(self._env.now), self._env.now
        # the second condition avoids an endless loop of timeouts too short to advance the clock
        return wait_s <= TIE * (now - self._busy_since_s) or now + wait_s <= now

    def _end_busy_period(self) -> None:
        self._busy_s += self._env.now - self._busy_since_s
        self._filling = WaterFilling()  # rounding errors do not carry over to the next busy period


def discard_callbacks(event: simpy.Event) -> None:
    """Remove the callbacks of an event, since SimPy cannot cancel a scheduled event."""
    if event.callbacks is not None:
        event.callbacks.clear()


def check_service(work_s: float, weight: float, cap: float) -> None:
    """Check the arguments of `Medium.serve`. Raises ValueError."""
    if not 0 <= work_s < math.inf:
        raise ValueError(f"work must be finite and >= 0 s, got {work_s}; is a rate zero or a size negative?")
    if not 0 < weight < math.inf:
        raise ValueError(f"weight must be finite and > 0, got {weight}; equal shares are weight 1")
    if not 0 < cap <= 1:
        raise ValueError(f"cap must be in (0, 1] of the medium, got {cap}; 1 means no cap")
