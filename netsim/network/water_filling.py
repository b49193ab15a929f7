"""Water-filling: the service rates of the transfers on a shared medium with a rate cap per transfer."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import simpy


@dataclass(eq=False, slots=True)
class _Flow:
    """A transfer as capped or uncapped; when this changes, a new flow replaces it and this one is `removed`."""

    arrival: int
    weight: float
    cap: float
    event: simpy.Event
    finish: float
    """In virtual time while uncapped, in seconds while capped."""
    capped: bool = False
    removed: bool = False

    @property
    def threshold(self) -> float:
        """The level above which the transfer runs at its cap."""
        return self.cap / self.weight

    def __lt__(self, other: _Flow) -> bool:
        """Heaps compare flows only on a tie of finish and arrival: the same transfer before and after changes."""
        return False


_Heap = list[tuple[float, int, _Flow]]


@dataclass(eq=False)
class WaterFilling:
    """The transfers of one busy period at the level L, with rates min(cap_i, w_i L) that sum to at most 1.

    L = (1 - sum of the caps of capped transfers) / (sum of the weights of uncapped transfers). A transfer with cap 1
    is never capped: without others it has the whole medium anyway.
    """

    count: int = 0
    """Transfers in service."""
    _virtual: float = 0.0
    _weights: float = 0.0
    _caps: float = 0.0
    _uncapped_count: int = 0
    _uncapped: _Heap = field(default_factory=list)
    """Uncapped transfers, by virtual finish time."""
    _capped: _Heap = field(default_factory=list)
    """Capped transfers, by finish time in seconds."""
    _next_to_cap: _Heap = field(default_factory=list)
    """Uncapped transfers with a cap below 1, by threshold: capped in this order as the level rises."""
    _next_to_uncap: _Heap = field(default_factory=list)
    """Capped transfers, by minus threshold: uncapped in this order as the level falls."""

    def add(
        self, arrival: int, work_s: float, weight: float, cap: float, event: simpy.Event, now_s: float
    ) -> None:
        """Add a transfer. Call `advance` before, so that the virtual time is current."""
        self.count += 1
        self._insert(_Flow(arrival, weight, cap, event, self._virtual + work_s / weight))
        self.settle(now_s)

    def advance(self, elapsed_s: float) -> None:
        """Advance the virtual time by some time at the present level."""
        if self._uncapped_count:
            self._virtual += elapsed_s * (1.0 - self._caps) / self._weights

    def next_completion_s(self, now_s: float) -> float:
        """Time until the next transfer is completed if none is added or removed before, s."""
        return min(self._uncapped_wait_s(), self._capped_wait_s(now_s))

    def pop(self, now_s: float) -> tuple[int, simpy.Event]:
        """Remove the next transfer to complete; return its arrival number and event. Call `settle` afterwards."""
        flow = _first(
            self._uncapped if self._uncapped_wait_s() <= self._capped_wait_s(now_s) else self._capped
        )
        assert flow is not None
        self.count -= 1
        if not flow.capped:
            self._virtual = max(self._virtual, flow.finish)
        self._delete(flow)
        return flow.arrival, flow.event

    def remove(self, event: simpy.Event, now_s: float) -> None:
        """Remove a transfer before its completion; O(n). Call `advance` before, so that the virtual time is current."""
        flow = next(f for _, _, f in (*self._uncapped, *self._capped) if f.event is event and not f.removed)
        self.count -= 1
        self._delete(flow)
        if self.count:
            self.settle(now_s)

    def remaining_s(self, now_s: float) -> dict[simpy.Event, float]:
        """Remaining airtime of each transfer, s, by its event."""
        uncapped = {
            f.event: (f.finish - self._virtual) * f.weight for _, _, f in self._uncapped if not f.removed
        }
        capped = {f.event: (f.finish - now_s) * f.cap for _, _, f in self._capped if not f.removed}
        return {event: max(0.0, work_s) for event, work_s in {**uncapped, **capped}.items()}

    def settle(self, now_s: float) -> None:
        """Find the level: uncap the transfers whose threshold exceeds it, then cap those whose threshold is below it.

        Both kinds of change raise the level, so that two passes suffice.
        """
        while (flow := _first(self._next_to_uncap)) is not None and flow.threshold > self._level():
            work_s = (flow.finish - now_s) * flow.cap
            self._delete(flow)
            self._insert(_toggled(flow, self._virtual + work_s / flow.weight))
        while (flow := _first(self._next_to_cap)) is not None and flow.threshold < self._level():
            work_s = (flow.finish - self._virtual) * flow.weight
            self._delete(flow)
            self._insert(_toggled(flow, now_s + work_s / flow.cap))

    def _uncapped_wait_s(self) -> float:
        flow = _first(self._uncapped)
        if flow is None:
            return math.inf
        return max(0.0, (flow.finish - self._virtual) * self._weights / (1.0 - self._caps))

    def _capped_wait_s(self, now_s: float) -> float:
        flow = _first(self._capped)
        return math.inf if flow is None else max(0.0, flow.finish - now_s)

    def _level(self) -> float:
        if self._uncapped_count:
            return (1.0 - self._caps) / self._weights
        return math.inf if self._caps <= 1.0 else -math.inf

    def _insert(self, flow: _Flow) -> None:
        heapq.heappush(self._capped if flow.capped else self._uncapped, (flow.finish, flow.arrival, flow))
        if flow.capped:
            self._caps += flow.cap
            heapq.heappush(self._next_to_uncap, (-flow.threshold, flow.arrival, flow))
            return
        self._uncapped_count += 1
        self._weights += flow.weight
        if flow.cap < 1:
            heapq.heappush(self._next_to_cap, (flow.threshold, flow.arrival, flow))

    def _delete(self, flow: _Flow) -> None:
        flow.removed = True
        if flow.capped:
            self._caps -= flow.cap
            if _first(self._capped) is None:
                self._caps = 0.0
            return
        self._uncapped_count -= 1
        self._weights = self._weights - flow.weight if self._uncapped_count else 0.0


def _first(heap: _Heap) -> _Flow | None:
    while heap and heap[0][2].removed:
        heapq.heappop(heap)
    return heap[0][2] if heap else None


def _toggled(flow: _Flow, finish: float) -> _Flow:
    """The flow after a change between capped and uncapped, with its new finish."""
    return _Flow(flow.arrival, flow.weight, flow.cap, flow.event, finish, not flow.capped)
