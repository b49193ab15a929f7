"""Who shares a link by turns: first come, first served (TDMA with whole messages as slots)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import simpy

from netsim.network.media import check, silence


class _Turn(NamedTuple):
    event: simpy.Event
    length_s: float
    cap: float


class FifoMedium:
    """One transfer at a time, in order of arrival: O(1) per transfer.

    All of one instant's transfers end at the same last instant as under processor sharing, but one by one:
    the k-th of equal ones after k service times instead of all after n.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._queue: deque[_Turn] = deque()
        self._begun_s = 0.0
        self._served_s = 0.0
        self._timer: simpy.Event | None = None

    @property
    def busy_s(self) -> float:
        """Seconds until now during which something was being served."""
        return self._served_s + (self._env.now - self._begun_s if self._queue else 0.0)

    @property
    def serving(self) -> list[simpy.Event]:
        """The transfers under way or waiting, by the events `serve` gave for them."""
        return [turn.event for turn in self._queue]

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight does not matter, a cap stretches the transfer's turn."""
        check(work_s, weight, cap)
        turn = _Turn(self._env.event(), work_s / cap, cap)
        self._queue.append(turn)
        if len(self._queue) == 1:
            self._begin(self._env.now)
        return turn.event

    def left_s(self, served: simpy.Event) -> float:
        """See `Medium`; all of it until its turn comes."""
        for place, turn in enumerate(self._queue):
            if turn.event is served:
                gone_s = 0.0 if place else self._env.now - self._begun_s
                return max(0.0, turn.length_s - gone_s) * turn.cap
        return 0.0

    def cancel(self, served: simpy.Event) -> None:
        """See `Medium`; whoever is behind it moves up. O(n)."""
        silence(served)
        place = next((k for k, turn in enumerate(self._queue) if turn.event is served), None)
        if place is None:
            return
        del self._queue[place]
        if place == 0:
            self._served_s += self._env.now - self._begun_s
            self._timer = None
            if self._queue:
                self._begin(self._env.now)

    def _begin(self, now_s: float) -> None:
        self._begun_s = now_s
        self._timer = self._env.timeout(max(0.0, now_s + self._queue[0].length_s - self._env.now))
        self._timer.callbacks.append(self._through)

    def _through(self, timer: simpy.Event) -> None:
        if timer is not self._timer:  # its turn was cancelled
            return
        turn = self._queue.popleft()
        self._served_s += turn.length_s
        if self._queue:
            self._begin(self._begun_s + turn.length_s)
        turn.event.succeed()
