"""Exchanges: one round trip between a parent and a child, and the inbox in which a parent waits for its children."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import simpy
from simpy.events import URGENT, EventPriority

from learning.engine import Payload
from netsim.barriers.barriers import Barrier
from netsim.network import Link
from netsim.protocol.corrections import BroadcastModel
from netsim.protocol.trace import Path
from netsim.protocol.transport import InFlight
from netsim.topology import Node

ProcessGenerator: TypeAlias = Generator[simpy.Event, Any, Any]

LAST = EventPriority(2)
"""Priority of a barrier's timer: messages that arrive at the same instant are processed before it."""


@dataclass(eq=False, slots=True)
class Exchange:
    """One round trip of a parent with `child`: broadcast, local work, upload.

    `arrival` fires when the child has received `received`, as receiver number `receiver` of the message `broadcast`
    (None: it held the model already). `aggregation` is the number of the parent's aggregation that started it. `answer`
    is set once the upload has arrived; `finished` means that no answer can follow. `weight` replaces the child's share
    where a selection defines it; `subtree_weight` is the child's weight at the broadcast, if the tree changes.
    """

    child: Node
    received: BroadcastModel
    began_s: float
    path: Path
    arrival: simpy.Event
    uplink: Link
    broadcast: InFlight | None
    receiver: int
    aggregation: int = 0
    weight: float | None = None
    subtree_weight: int = 1
    process: simpy.Process | None = None
    phase: Literal["receive", "work", "send"] = "receive"
    upload: InFlight | None = None
    answer: Payload | None = None
    finished: bool = False
    finished_s: float = 0.0


@dataclass(eq=False)
class Inbox:
    """Where a node waits for its children; exchanges of late children can stay from one aggregation to the next."""

    env: simpy.Environment
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By child."""
    aggregations: int = 0
    """Number of aggregations begun."""
    broadcasts: list[InFlight] = field(default_factory=list)
    """Broadcasts of this aggregation, and earlier ones that are still in flight."""
    _opening: simpy.Event | None = None
    _barrier: Barrier | None = None
    _timer_expired: bool = False
    _finished: int = 0
    _answered: int = 0

    def wait(self, barrier: Barrier) -> ProcessGenerator:
        """Wait until `barrier` opens; return whether its timer had expired by then."""
        self._opening, self._barrier, self._timer_expired = self.env.event(), barrier, False
        if barrier.timeout_s is not None:
            timer = _schedule(self.env, LAST, barrier.timeout_s)
            timer.callbacks.append(self._expire(self._opening))
        self._check()
        yield self._opening
        return self._timer_expired

    def add(self, exchange: Exchange, process: simpy.Process) -> None:
        """Add an exchange that `process` runs; the value of the process is the exchange."""
        exchange.process = process
        self.exchanges[exchange.child.name] = exchange
        assert process.callbacks is not None
        process.callbacks.append(self._finish)

    def _finish(self, process: simpy.Event) -> None:
        if not process.ok:  # the event loop raises the error
            return
        exchange = cast("Exchange", process.value)
        if self.exchanges.get(exchange.child.name) is exchange:
            exchange.finished, exchange.process = True, None
            self._finished += 1
            self._answered += exchange.answer is not None
            self._check()

    def take_finished(self) -> list[Exchange]:
        """Remove and return the finished exchanges, in the order of the children's ordinals."""
        finished = [exchange for exchange in self.exchanges.values() if exchange.finished]
        for exchange in finished:
            del self.exchanges[exchange.child.name]
        self._finished = self._answered = 0
        return sorted(finished, key=lambda exchange: exchange.child.ordinal)

    def interrupt_all(self) -> bool:
        """Interrupt and remove all exchanges; return whether any was unfinished."""
        unfinished = [exchange for exchange in self.exchanges.values() if not exchange.finished]
        self.exchanges.clear()
        self._finished = self._answered = 0
        for exchange in unfinished:
            if exchange.process is not None and exchange.process.is_alive:
                exchange.process.interrupt()
                exchange.process = None
        return bool(unfinished)

    def _expire(self, opening: simpy.Event) -> Any:
        def expire(_: simpy.Event) -> None:
            if self._opening is opening:
                self._timer_expired = True
                self._check()

        return expire

    def _check(self) -> None:
        if self._opening is None or self._opening.triggered or self._barrier is None:
            return
        counts = self._answered, self._finished, len(self.exchanges)
        if self._barrier.is_satisfied(*counts, timed_out=self._timer_expired):
            self._opening.succeed()


def at_this_instant(env: simpy.Environment) -> simpy.Event:
    """Return an event of this instant that follows the pending interrupts and precedes everything else."""
    return _schedule(env, URGENT, 0)


def _schedule(env: simpy.Environment, priority: EventPriority, delay_s: float) -> simpy.Event:
    """Return a timeout with a priority."""
    event: Any = env.event()
    event._ok, event._value = True, None
    env.schedule(event, priority, delay_s)
    scheduled: simpy.Event = event
    return scheduled
