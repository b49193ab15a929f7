"""Who shares a link by turns: first come, first served (TDMA with whole messages as slots)."""

from __future__ import annotations

import simpy

from netsim.network.media import Turn, check


class FifoMedium:
    """One transfer at a time, in order of arrival: O(1) per transfer.

    All of one instant's transfers end at the same last instant as under processor sharing, but one by one:
    the k-th of equal ones after k service times instead of all after n.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._free_s = 0.0
        self._work_s = 0.0

    @property
    def busy_s(self) -> float:
        """Seconds until now during which something was being served."""
        return self._work_s - max(0.0, self._free_s - self._env.now)

    def serve(self, work_s: float, weight: float = 1.0, cap: float = 1.0) -> simpy.Event:
        """See `Medium`; the weight does not matter, a cap stretches the transfer's turn."""
        check(work_s, weight, cap)
        turn_s = work_s / cap
        begins_s = max(self._free_s, self._env.now)
        self._free_s = begins_s + turn_s
        self._work_s += turn_s
        return Turn(self._env, begins_s, turn_s, cap)

    def left_s(self, served: simpy.Event) -> float:
        """See `Medium`; all of it until its turn comes."""
        assert isinstance(served, Turn)
        return served.left_s()
