"""Fault injection: faults take effect on nodes and links of a run at their times, and end."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import simpy

from netsim.dynamics import ComputeSlowdown, Effect, Fault, FaultInterval, LinkDown, NodeDown
from netsim.dynamics.slowdown import DeviceSlowdown, slowed_duration_s
from netsim.protocol.exchange_runner import NOT_DETECTED, STALL, ExchangeRunner
from netsim.protocol.membership import Membership, Outage
from netsim.simulation.reattachment import Reattachment
from netsim.topology import Node


@dataclass(frozen=True)
class Cause:
    """The fault that causes an event: its kind in words and its index in the section `faults`."""

    words: str
    number: int

    @property
    def key(self) -> str:
        """A text that is unique among the faults of a run."""
        return f"{self.words} {self.number}"


@dataclass
class FaultInjector:
    """Runs the faults of a scenario as processes; `start` it before the round loop, which uses its `slowdown`."""

    reattachment: Reattachment
    seed: int
    _slow: dict[str, list[DeviceSlowdown]] = field(default_factory=dict)
    _node_faults: Counter[str] = field(default_factory=Counter)
    """Faults by which each node is down now."""
    _link_faults: Counter[str] = field(default_factory=Counter)
    """Faults by which each child's link is down now."""

    @property
    def exchanges(self) -> ExchangeRunner:
        """Exchanges that faults interrupt."""
        return self.reattachment.exchanges

    @property
    def membership(self) -> Membership:
        """The current tree."""
        return self.exchanges.membership

    def start(self, faults: Sequence[Fault]) -> None:
        """Start the processes of all faults. Raises ValueError for a fault that names no node of the tree."""
        for number, fault in enumerate(faults):
            for node in fault.affected_nodes(self.reattachment.topology):
                effect = fault.effect
                if isinstance(effect, ComputeSlowdown):
                    slowness = DeviceSlowdown(effect.factor, fault.intervals(self.seed, number, node))
                    self._slow.setdefault(node.name, []).append(slowness)
                intervals = fault.intervals(self.seed, number, node)
                words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(fault).__name__).lower()
                self.exchanges.env.process(self._run(node, intervals, effect, Cause(words, number)))

    def slowdown(self, device: Node, nominal_s: float, start_s: float) -> float:
        """Return the seconds that work takes if it starts at an instant, slow intervals included."""
        slow = self._slow.get(device.name)
        return slowed_duration_s(nominal_s, start_s, slow) if slow else nominal_s

    def _run(
        self, node: Node, intervals: Iterator[FaultInterval], effect: Effect, cause: Cause
    ) -> Generator[simpy.Event, None, None]:
        """Begin and end the effect, interval after interval."""
        env = self.exchanges.env
        for begin_s, end_s in intervals:
            if begin_s > env.now:
                yield env.timeout(begin_s - env.now)
            permanent = end_s == math.inf
            if isinstance(effect, NodeDown):
                undetected_s = min(effect.detection_s, end_s - begin_s)
                self._take_node_down(node, cause, detected=not undetected_s > 0)
                if undetected_s:
                    yield env.timeout(undetected_s)
                self._detect_node_down(node, cause, effect, permanent=permanent)
            elif isinstance(effect, LinkDown):
                self._take_link_down(node, cause, effect, permanent=permanent)
            else:
                self._record("slow", node, cause)
            if permanent:
                return
            yield env.timeout(max(0.0, end_s - env.now))
            self._end(node, cause, effect)

    def _end(self, node: Node, cause: Cause, effect: Effect) -> None:
        if isinstance(effect, ComputeSlowdown):
            self._record("normal", node, cause)
        elif isinstance(effect, LinkDown):
            self._restore_link(node, cause)
        else:
            self._restore_node(node, cause, effect)

    def _take_node_down(self, node: Node, cause: Cause, *, detected: bool) -> None:
        """Stop a node and all nodes below it."""
        exchanges = self.exchanges
        self._node_faults[node.name] += 1
        self._record("down", node, cause)
        if self._node_faults[node.name] > 1:
            return
        self.membership.undetected_failures.add(node.name)
        if (inbox := exchanges.inboxes.get(node.name)) is not None:
            exchanges.abort_all(inbox)
        exchanges.interrupt(node, None if detected else NOT_DETECTED)
        exchanges.broadcaster.copies.discard_all(node)
        if exchanges.transport.meter is not None:
            exchanges.transport.meter.power_off(node, exchanges.env.now)

    def _detect_node_down(self, node: Node, cause: Cause, effect: NodeDown, *, permanent: bool) -> None:
        """Make the node unavailable to its neighbours, and reattach its children if the fault says so."""
        self.membership.mark_unavailable(node, cause.key, permanent=permanent)
        if node.name in self.membership.undetected_failures:
            self.membership.undetected_failures.discard(node.name)
            self.exchanges.interrupt(node, None)
        if effect.reattach is not None and node.level:
            self.reattachment.reattach_children(node, effect.reattach, f"{node.name} is down")

    def _take_link_down(self, node: Node, cause: Cause, effect: LinkDown, *, permanent: bool) -> None:
        """Take the link of a child down: a message on it is cancelled, or an upload stalls."""
        exchanges, transport = self.exchanges, self.exchanges.transport
        self._link_faults[node.name] += 1
        self._record("link_down", node, cause)
        self.membership.mark_unavailable(node, cause.key, permanent=permanent)
        if self._link_faults[node.name] > 1:
            return
        self.membership.outages[node.name] = Outage(exchanges.env.event(), effect.stalls)
        exchange = exchanges.active.get(node.name)
        if exchange is None or node.name in self.membership.undetected_failures:
            return
        broadcast, upload = exchange.broadcast, exchange.upload
        if exchange.phase == "receive" and broadcast is not None:
            if transport.is_transmitting(broadcast, exchange.receiver):
                exchanges.interrupt(node, None)
        elif exchange.phase == "send" and upload is not None and transport.is_transmitting(upload):
            exchanges.interrupt(node, STALL if effect.stalls else None)

    def _restore_link(self, node: Node, cause: Cause) -> None:
        self._link_faults[node.name] -= 1
        self._record("link_up", node, cause)
        if not self._link_faults[node.name]:
            self.membership.outages.pop(node.name).end.succeed()
        self.membership.clear_reason(node, cause.key)

    def _restore_node(self, node: Node, cause: Cause, effect: NodeDown) -> None:
        membership, exchanges, reattachment = self.membership, self.exchanges, self.reattachment
        self._node_faults[node.name] -= 1
        self._record("up", node, cause)
        membership.clear_reason(node, cause.key)
        if self._node_faults[node.name]:  # still down by another fault, which may not have been detected
            membership.undetected_failures |= {node.name} - membership.unavailable
            return
        if exchanges.transport.meter is not None:
            exchanges.transport.meter.power_on(node, exchanges.env.now)
        if effect.go_home and (node.level > 1 or (node.level and reattachment.mobility is None)):
            children = reattachment.home_children(node)
            reattachment.returning.update((child.name, child) for child in children)
            reattachment.return_home()

    def _record(self, kind: str, node: Node, cause: Cause) -> None:
        parent = self.reattachment.parents.get(node.name)
        now_s = self.exchanges.env.now
        self.exchanges.trace.record_event(now_s, kind, node, parent, parent, cause.words)
