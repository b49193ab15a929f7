"""First-in-first-out medium: one transfer at a time (TDMA in which a slot is a whole message)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import simpy

from netsim.network.media import check_service, discard_callbacks


class _QueuedTransfer(NamedTuple):
    event: simpy.Event
    length_s: float
    cap: float


class FifoMedium:
    """A FIFO queue: one transfer at a time, in order of arrival; O(1) per transfer.

    The last of several transfers that arrive together ends at the same time as under processor sharing, but they end
    one by one: the k-th of n equal transfers after k service times, instead of all of them after n.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._queue: deque[_QueuedTransfer] = deque()
        self._started_s = 0.0
        self._served_s = 0.0
        self._timer: simpy.Event | None = None

    @property
    def busy_s(self) -> float:
        """Total time until now during which a transfer was in service, s."""
        return self._served_s + (self._env.now - self._started_s if self._queue else 0.0)

    @property
    def serving(self) -> list[simpy.Event]:
        """The `serve` events of the transfers in service or in the queue."""
        return [transfer.event for transfer in self._queue]

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight has no effect, a cap below 1 prolongs the service."""
        check_service(work_s, weight, cap)
        transfer = _QueuedTransfer(self._env.event(), work_s / cap, cap)
        self._queue.append(transfer)
        if len(self._queue) == 1:
            self._start(self._env.now)
        return transfer.event

    def remaining_s(self, served: simpy.Event) -> float:
        """See `Medium`; the whole airtime while the transfer is queued."""
        for position, transfer in enumerate(self._queue):
            if transfer.event is served:
                elapsed_s = 0.0 if position else self._env.now - self._started_s
                return max(0.0, transfer.length_s - elapsed_s) * transfer.cap
        return 0.0

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; later transfers in the queue move up. O(n)."""
        discard_callbacks(served)
        position = next((k for k, transfer in enumerate(self._queue) if transfer.event is served), None)
        if position is None:
            return
        del self._queue[position]
        if position == 0:
            self._served_s += self._env.now - self._started_s
            self._timer = None
            if self._queue:
                self._start(self._env.now)

    def _start(self, now_s: float) -> None:
        self._started_s = now_s
        self._timer = self._env.timeout(max(0.0, now_s + self._queue[0].length_s - self._env.now))
        self._timer.callbacks.append(self._finish)

    def _finish(self, timer: simpy.Event) -> None:
        if timer is not self._timer:  # the transfer was cancelled
            return
        transfer = self._queue.popleft()
        self._served_s += transfer.length_s
        if self._queue:
            self._start(self._started_s + transfer.length_s)
        transfer.event.succeed()
