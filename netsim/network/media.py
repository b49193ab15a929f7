"""Who shares a link: nobody, or everyone at once (processor sharing in virtual time, with caps)."""

from __future__ import annotations

import math
from typing import Protocol

import simpy

from netsim.network.water_filling import Level

TIE = 1e-12
"""Flows that finish within this fraction of the busy period so far finish together."""


class Medium(Protocol):
    """Something that serves transfers; its unit of work is one second of sole use."""

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """An event that fires when `work_s` seconds of sole use have been served.

        Args:
            work_s: seconds the transfer takes when it has the medium to itself, finite and >= 0.
            weight: share among simultaneous transfers, finite and > 0.
            cap: largest fraction of the medium this transfer can use, in (0, 1].

        Raises:
            ValueError: work, weight or cap out of range.
        """
        ...

    def left_s(self, served: simpy.Event) -> float:
        """Seconds of sole use that a transfer, by the event `serve` gave for it, still lacks now; 0 once served."""
        ...

    def cancel(self, served: simpy.Event) -> None:
        """End a transfer now, by the event `serve` gave for it: the others have the medium, nobody is told.

        Without effect once it is served.
        """
        ...


class Turn(simpy.Timeout):
    """The service of a transfer that begins now and knows when it ends."""

    def __init__(self, env: simpy.Environment, length_s: float, cap: float) -> None:
        super().__init__(env, length_s)
        self._begun_s, self._length_s, self._cap = env.now, length_s, cap

    def left_s(self) -> float:
        """Seconds of sole use still to be served now."""
        return max(0.0, self._length_s - (self.env.now - self._begun_s)) * self._cap


class PrivateMedium:
    """A line of one's own: no contention, whatever else is on it."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight does not matter."""
        check(work_s, weight, cap)
        return Turn(self._env, work_s / cap, cap)

    def left_s(self, served: simpy.Event) -> float:
        """See `Medium`."""
        assert isinstance(served, Turn)
        return served.left_s()

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; nobody else is on the line."""
        silence(served)


class SharedMedium:
    """Weighted processor sharing with caps: each transfer progresses at min(cap_i, w_i L), water-filled.

    The level L makes the rates sum to 1 (or every transfer is at its cap): the max-min fair allocation.
    Without caps n simultaneous transfers each progress at w_i / sum w.

    Exact, O(log n) per transfer and per crossing of a cap: uncapped transfers live in virtual time V, which
    advances at L, and one that has work S left at V finishes at V + S / w; capped ones finish at a known
    instant. When L passes cap / w a transfer changes sides. One live timer, moved only when the earliest
    finish moves earlier; a timer that comes too early looks again. Simultaneous finishes fire in order of
    arrival.

    References: virtual time (fluid GPS), Parekh and Gallager, IEEE/ACM ToN 1(3), 1993; max-min fairness
    with per-flow caps (water-filling), Bertsekas and Gallager, Data Networks, 2nd ed., 6.5.2.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._level = Level()
        self._seen_s = 0.0
        self._began_s = 0.0
        self._busy_s = 0.0
        self._arrivals = 0
        self._timer: simpy.Event | None = None
        self._due_s = math.inf
        self._left: dict[simpy.Event, float] = {}
        self._left_at_s = -math.inf

    @property
    def busy_s(self) -> float:
        """Seconds until now during which something was being served."""
        return self._busy_s + (self._env.now - self._began_s if self._level.count else 0.0)

    @property
    def serving(self) -> list[simpy.Event]:
        """The transfers under way, by the events `serve` gave for them."""
        return list(self._level.lacking_s(self._env.now))

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`."""
        check(work_s, weight, cap)
        event = self._env.event()
        if work_s == 0:
            return event.succeed()
        self._advance()
        if not self._level.count:
            self._began_s = self._env.now
        self._arrivals += 1
        self._level.add(self._arrivals, work_s, weight, cap, event, self._env.now)
        self._plan()
        return event

    def left_s(self, served: simpy.Event) -> float:
        """See `Medium`."""
        if self._left_at_s != self._env.now:
            self._advance()
            self._left, self._left_at_s = self._level.lacking_s(self._env.now), self._env.now
        return self._left.get(served, 0.0)

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; O(n)."""
        silence(served)
        if served.triggered:
            return
        self._advance()
        self._left_at_s = -math.inf
        self._level.remove(served, self._env.now)
        if self._level.count:
            self._plan()
        else:
            self._timer, self._due_s = None, math.inf
            self._rest()

    def _advance(self) -> None:
        self._level.advance(self._env.now - self._seen_s)
        self._seen_s = self._env.now

    def _plan(self) -> None:
        due_s = self._env.now + self._level.left_s(self._env.now)
        if due_s < self._due_s:
            self._due_s = due_s
            self._timer = self._env.timeout(due_s - self._env.now)
            self._timer.callbacks.append(self._look)

    def _look(self, timer: simpy.Event) -> None:
        if timer is not self._timer:  # an earlier one took its place: SimPy cannot cancel
            return
        self._timer, self._due_s = None, math.inf
        self._advance()
        done = []
        while self._level.count and self._is_due():
            done.append(self._level.pop(self._env.now))
        for _, event in sorted(done, key=lambda flow: flow[0]):
            event.succeed()
        if self._level.count:
            self._level.settle(self._env.now)
            self._plan()
        else:
            self._rest()

    def _is_due(self) -> bool:
        left_s, now = self._level.left_s(self._env.now), self._env.now
        return left_s <= TIE * (now - self._began_s) or now + left_s <= now  # the second: no zero-delay loop

    def _rest(self) -> None:
        self._busy_s += self._env.now - self._began_s
        self._level = Level()  # rounding errors do not outlive a busy period


def silence(event: simpy.Event) -> None:
    """Whoever waits for the event is not told; SimPy cannot take back what is scheduled."""
    if event.callbacks is not None:
        event.callbacks.clear()


def check(work_s: float, weight: float, cap: float) -> None:
    """Hold the arguments of `Medium.serve` to their laws. Raises ValueError."""
    if not 0 <= work_s < math.inf:
        raise ValueError(f"work must be finite and >= 0 s, got {work_s}; is a rate zero or a size negative?")
    if not 0 < weight < math.inf:
        raise ValueError(f"weight must be finite and > 0, got {weight}; equal shares are weight 1")
    if not 0 < cap <= 1:
        raise ValueError(f"cap must be in (0, 1] of the medium, got {cap}; no cap is 1")
