"""Faults at work in a run: they strike nodes and links, and pass."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import simpy

from netsim.dynamics import Cut, Down, Effect, Fault, FaultInterval, Slow
from netsim.dynamics.slowdown import Slowness, stretched_s
from netsim.protocol.interruptions import STALL, UNNOTICED
from netsim.protocol.membership import Outage
from netsim.simulation.reattachment import Reattachment
from netsim.topology import Node


@dataclass
class FaultInjector:
    """Strikes a run's loop; `start` it before the loop, which asks for the `pace` of work."""

    forming: Reattachment
    seed: int
    _slow: dict[str, list[Slowness]] = field(default_factory=dict)
    _down: Counter[str] = field(default_factory=Counter)
    _cut: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.loop = self.forming.loop

    def start(self, faults: Sequence[Fault]) -> None:
        """Let faults happen from now on. Raises ValueError where one names nobody in the tree."""
        for number, fault in enumerate(faults):
            for node in fault.concerned(self.forming.topology):
                effect = fault.effect
                if isinstance(effect, Slow):
                    slowness = Slowness(effect.factor, fault.episodes(self.seed, number, node))
                    self._slow.setdefault(node.name, []).append(slowness)
                episodes = fault.episodes(self.seed, number, node)
                why = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(fault).__name__).lower()
                self.loop.env.process(self._life(node, episodes, effect, Cause(why, number)))

    def pace(self, device: Node, seconds: float, at_s: float) -> float:
        """See `Pace`."""
        slow = self._slow.get(device.name)
        return stretched_s(seconds, at_s, slow) if slow else seconds

    def _life(
        self, node: Node, episodes: Iterator[FaultInterval], effect: Effect, why: Cause
    ) -> Generator[simpy.Event, None, None]:
        """Strike and let go, episode after episode."""
        env = self.loop.env
        for begin_s, end_s in episodes:
            if begin_s > env.now:
                yield env.timeout(begin_s - env.now)
            for_good = end_s == math.inf
            if isinstance(effect, Down):
                unnoticed_s = min(effect.detection_s, end_s - begin_s)
                self._fall(node, why, unnoticed=unnoticed_s > 0)
                if unnoticed_s:
                    yield env.timeout(unnoticed_s)
                self._noticed(node, why, effect, for_good=for_good)
            elif isinstance(effect, Cut):
                self._break(node, why, effect, for_good=for_good)
            else:
                self._happened("slow", node, why)
            if for_good:
                return
            yield env.timeout(max(0.0, end_s - env.now))
            self._over(node, why, effect)

    def _fall(self, node: Node, why: Cause, *, unnoticed: bool) -> None:
        """A node goes down: it and everybody below it stop."""
        loop = self.loop
        self._down[node.name] += 1
        self._happened("down", node, why)
        if self._down[node.name] > 1:
            return
        loop.membership.silent.add(node.name)
        if (inbox := loop.inboxes.get(node.name)) is not None:
            loop.close(inbox)
        self._interrupt(node, UNNOTICED if unnoticed else None)
        loop.broadcaster.copies.forget(node)
        if loop.transport.meter is not None:
            loop.transport.meter.off(node, loop.env.now)

    def _noticed(self, node: Node, why: Cause, effect: Down, *, for_good: bool) -> None:
        """Those around learn that a node is down."""
        membership = self.loop.membership
        membership.leave(node, why.key, for_good=for_good)
        if node.name in membership.silent:
            membership.silent.discard(node.name)
            self._interrupt(node, None)
        if effect.reattach is not None and node.level:
            self.forming.scatter(node, effect.reattach, f"{node.name} is down")

    def _break(self, node: Node, why: Cause, effect: Cut, *, for_good: bool) -> None:
        """A link goes down: what is on it stops, or stalls."""
        loop = self.loop
        self._cut[node.name] += 1
        self._happened("link_down", node, why)
        loop.membership.leave(node, why.key, for_good=for_good)
        if self._cut[node.name] > 1:
            return
        loop.membership.outages[node.name] = Outage(loop.env.event(), effect.stalls)
        exchange = loop.working.get(node.name)
        if exchange is None or node.name in loop.membership.silent:
            return
        if (
            exchange.doing == "hear"
            and exchange.told is not None
            and loop.transport.under_way(exchange.told, exchange.place)
        ):
            self._interrupt(node, None)
        elif (
            exchange.doing == "send" and exchange.sent is not None and loop.transport.under_way(exchange.sent)
        ):
            self._interrupt(node, STALL if effect.stalls else None)

    def _over(self, node: Node, why: Cause, effect: Effect) -> None:
        """An episode is over."""
        if isinstance(effect, Slow):
            self._happened("normal", node, why)
        elif isinstance(effect, Cut):
            self._mend(node, why)
        else:
            self._rise(node, why, effect)

    def _mend(self, node: Node, why: Cause) -> None:
        membership = self.loop.membership
        self._cut[node.name] -= 1
        self._happened("link_up", node, why)
        if not self._cut[node.name]:
            membership.outages.pop(node.name).over.succeed()
        membership.come(node, why.key)

    def _rise(self, node: Node, why: Cause, effect: Down) -> None:
        self._down[node.name] -= 1
        self._happened("up", node, why)
        membership = self.loop.membership
        membership.come(node, why.key)
        if self._down[node.name]:  # by another fault, of which nobody may know yet
            membership.silent |= {node.name} - membership.away
            return
        if self.loop.transport.meter is not None:
            self.loop.transport.meter.on(node, self.loop.env.now)
        if effect.go_home and (
            node.level > 1 or (node.level and self.forming.mobility is None)
        ):  # devices roam
            self.forming.homeward.update((child.name, child) for child in self.forming.family(node))
            self.forming.go_home()

    def _interrupt(self, node: Node, cause: str | None) -> None:
        exchange = self.loop.working.get(node.name)
        if exchange is not None and exchange.process is not None and exchange.process.is_alive:
            exchange.process.interrupt(cause)

    def _happened(self, kind: str, node: Node, why: Cause) -> None:
        parent = self.forming.parents.get(node.name)
        self.loop.transport.trace.happened(self.loop.env.now, kind, node, parent, parent, why.words)


@dataclass(frozen=True)
class Cause:
    """Which fault it was."""

    words: str
    number: int

    @property
    def key(self) -> str:
        """Tells it from every other."""
        return f"{self.words} {self.number}"
