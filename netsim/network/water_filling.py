"""Water-filling: which transfers on a shared medium run at their cap, and how fast the others may go."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import simpy


@dataclass(eq=False, slots=True)
class _Flow:
    """A transfer on one side of the level; changing sides makes a new one and leaves this one `gone`."""

    arrival: int
    weight: float
    cap: float
    event: simpy.Event
    finish: float
    """In virtual time while uncapped, in seconds while capped."""
    capped: bool = False
    gone: bool = False

    @property
    def threshold(self) -> float:
        """The level above which the cap holds."""
        return self.cap / self.weight

    def __lt__(self, other: _Flow) -> bool:
        """Heaps ask only about a transfer and what it was before it changed sides and back."""
        return False


_Heap = list[tuple[float, int, _Flow]]


@dataclass(eq=False)
class Level:
    """The transfers of one busy period and the level L, with rates min(cap_i, w_i L) that sum to at most 1.

    L = (1 - sum of caps in force) / (sum of weights of the uncapped). A cap of 1 is never in force: alone,
    a transfer has the whole medium anyway.
    """

    count: int = 0
    """Transfers under way."""
    _virtual: float = 0.0
    _weights: float = 0.0
    _caps: float = 0.0
    _uncapped: int = 0
    _open: _Heap = field(default_factory=list)
    """Uncapped, by virtual finish."""
    _shut: _Heap = field(default_factory=list)
    """Capped, by finish in seconds."""
    _lowest: _Heap = field(default_factory=list)
    """Uncapped with a cap below 1, by threshold: the first to be capped as the level rises."""
    _highest: _Heap = field(default_factory=list)
    """Capped, by minus threshold: the first to be freed as the level falls."""

    def add(
        self, arrival: int, work_s: float, weight: float, cap: float, event: simpy.Event, now_s: float
    ) -> None:
        """A transfer begins. Times must have been brought up to date by `advance`."""
        self.count += 1
        self._enter(_Flow(arrival, weight, cap, event, self._virtual + work_s / weight))
        self.settle(now_s)

    def advance(self, elapsed_s: float) -> None:
        """Let the uncapped transfers progress for some time at the present level."""
        if self._uncapped:
            self._virtual += elapsed_s * (1.0 - self._caps) / self._weights

    def left_s(self, now_s: float) -> float:
        """Seconds until the next transfer is through if nothing else happens."""
        return min(self._open_left_s(), self._shut_left_s(now_s))

    def pop(self, now_s: float) -> tuple[int, simpy.Event]:
        """End the next transfer; its place in order of arrival, and its event. `settle` must follow."""
        flow = _top(self._open if self._open_left_s() <= self._shut_left_s(now_s) else self._shut)
        assert flow is not None
        self.count -= 1
        if not flow.capped:
            self._virtual = max(self._virtual, flow.finish)
        self._leave(flow)
        return flow.arrival, flow.event

    def remove(self, event: simpy.Event, now_s: float) -> None:
        """A transfer ends before its time; O(n). Times must have been brought up to date by `advance`."""
        flow = next(f for _, _, f in (*self._open, *self._shut) if f.event is event and not f.gone)
        self.count -= 1
        self._leave(flow)
        if self.count:
            self.settle(now_s)

    def lacking_s(self, now_s: float) -> dict[simpy.Event, float]:
        """Seconds of sole use that each transfer under way still lacks, by its event."""
        opened = {f.event: (f.finish - self._virtual) * f.weight for _, _, f in self._open if not f.gone}
        shut = {f.event: (f.finish - now_s) * f.cap for _, _, f in self._shut if not f.gone}
        return {event: max(0.0, work_s) for event, work_s in {**opened, **shut}.items()}

    def _open_left_s(self) -> float:
        flow = _top(self._open)
        if flow is None:
            return math.inf
        return max(0.0, (flow.finish - self._virtual) * self._weights / (1.0 - self._caps))

    def _shut_left_s(self, now_s: float) -> float:
        flow = _top(self._shut)
        return math.inf if flow is None else max(0.0, flow.finish - now_s)

    def settle(self, now_s: float) -> None:
        """Find the level: first free those above whose threshold it fell, then cap those it rose past.

        Both kinds of move raise the level, so that two passes suffice.
        """
        while (flow := _top(self._highest)) is not None and flow.threshold > self._level():
            work_s = (flow.finish - now_s) * flow.cap
            self._leave(flow)
            self._enter(_other(flow, self._virtual + work_s / flow.weight))
        while (flow := _top(self._lowest)) is not None and flow.threshold < self._level():
            work_s = (flow.finish - self._virtual) * flow.weight
            self._leave(flow)
            self._enter(_other(flow, now_s + work_s / flow.cap))

    def _level(self) -> float:
        if self._uncapped:
            return (1.0 - self._caps) / self._weights
        return math.inf if self._caps <= 1.0 else -math.inf

    def _enter(self, flow: _Flow) -> None:
        heapq.heappush(self._shut if flow.capped else self._open, (flow.finish, flow.arrival, flow))
        if flow.capped:
            self._caps += flow.cap
            heapq.heappush(self._highest, (-flow.threshold, flow.arrival, flow))
            return
        self._uncapped += 1
        self._weights += flow.weight
        if flow.cap < 1:
            heapq.heappush(self._lowest, (flow.threshold, flow.arrival, flow))

    def _leave(self, flow: _Flow) -> None:
        flow.gone = True
        if flow.capped:
            self._caps -= flow.cap
            if _top(self._shut) is None:
                self._caps = 0.0
            return
        self._uncapped -= 1
        self._weights = self._weights - flow.weight if self._uncapped else 0.0


def _top(heap: _Heap) -> _Flow | None:
    while heap and heap[0][2].gone:
        heapq.heappop(heap)
    return heap[0][2] if heap else None


def _other(flow: _Flow, finish: float) -> _Flow:
    return _Flow(flow.arrival, flow.weight, flow.cap, flow.event, finish, not flow.capped)
