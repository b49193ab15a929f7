"""How long work takes a device that is slow at times."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from netsim.dynamics.fault_times import FaultInterval


@dataclass
class Slowness:
    """Episodes in which one device needs `factor` times as long."""

    factor: float
    episodes: Iterator[FaultInterval]
    _known: deque[FaultInterval] = field(default_factory=deque)

    def forget(self, before_s: float) -> None:
        """Nobody will ask about an earlier instant any more."""
        while self._known and self._known[0].end_s <= before_s:
            self._known.popleft()

    def at(self, now_s: float) -> tuple[float, float]:
        """How many times longer work takes at an instant, and until when that holds."""
        for episode in self._from(now_s):
            return (1.0, episode.begin_s) if now_s < episode.begin_s else (self.factor, episode.end_s)
        return 1.0, math.inf

    def _from(self, now_s: float) -> Iterator[FaultInterval]:
        """The episodes that are not over at an instant."""
        yield from (episode for episode in self._known if episode.end_s > now_s)
        for episode in self.episodes:
            self._known.append(episode)
            if episode.end_s > now_s:
                yield episode


def stretched_s(seconds: float, at_s: float, slow: Sequence[Slowness]) -> float:
    """Seconds that `seconds` of work take when they begin at `at_s`; factors of what overlaps multiply."""
    left_s, now_s = seconds, at_s
    for one in slow:
        one.forget(at_s)
    while True:
        states = [one.at(now_s) for one in slow]
        factor = math.prod(state[0] for state in states)
        until_s = min((state[1] for state in states), default=math.inf)
        if left_s * factor <= until_s - now_s:
            return seconds if now_s == at_s and factor == 1 else now_s + left_s * factor - at_s
        left_s, now_s = left_s - (until_s - now_s) / factor, until_s
