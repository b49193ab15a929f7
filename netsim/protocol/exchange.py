"""Conversations between a node and its children: who is at work for whom, and when the node stops waiting."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import simpy
from simpy.events import URGENT, EventPriority

from learning.engine import Payload
from netsim.barriers.barriers import Barrier
from netsim.network import Link
from netsim.protocol.corrections import ReceivedModel
from netsim.protocol.trace import Path
from netsim.protocol.transport import InFlight
from netsim.topology import Node

ProcessGenerator: TypeAlias = Generator[simpy.Event, Any, Any]

LAST = EventPriority(2)
"""Priority of a barrier's timer: whatever arrives at that instant has arrived."""


@dataclass(eq=False, slots=True)
class Exchange:
    """A conversation of `child` with its parent, which told it what it `heard` in its `turn`-th aggregation.

    `hears` fires when it has heard it, as the `place`-th receiver of the message `told`. `answer` is there once it
    has arrived; `ended` says that nothing more will come. `weight` replaces the child's share where a selection says
    what it counts; `mass` is what was below it when it was told, counted in a tree that changes.
    """

    child: Node
    heard: ReceivedModel
    began_s: float
    path: Path
    hears: simpy.Event
    uplink: Link
    told: InFlight | None
    place: int
    turn: int = 0
    weight: float | None = None
    mass: int = 1
    process: simpy.Process | None = None
    doing: Literal["hear", "work", "send"] = "hear"
    sent: InFlight | None = None
    answer: Payload | None = None
    ended: bool = False
    ended_s: float = 0.0


@dataclass(eq=False)
class Inbox:
    """Where a node waits for its children; the talks of those who are late stay from one aggregation to the next."""

    env: simpy.Environment
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    turn: int = 0
    """Aggregations begun so far."""
    spoken: list[InFlight] = field(default_factory=list)
    """Broadcasts of this aggregation, and earlier ones that are still under way."""
    _opens: simpy.Event | None = None
    _wait: Barrier | None = None
    _due: bool = False
    _ended: int = 0
    _answered: int = 0

    def wait(self, wait: Barrier) -> ProcessGenerator:
        """Until `wait` has enough answers; return whether its timer had to go off."""
        self._opens, self._wait, self._due = self.env.event(), wait, False
        if wait.after_s is not None:
            timer = _scheduled(self.env, LAST, wait.after_s)
            timer.callbacks.append(self._timed(self._opens))
        self._look()
        yield self._opens
        return self._due

    def begun(self, exchange: Exchange, process: simpy.Process) -> None:
        """A child is at work from now on; `process`, whose value is the talk, ends with it."""
        exchange.process = process
        self.exchanges[exchange.child.name] = exchange
        assert process.callbacks is not None
        process.callbacks.append(self._through)

    def _through(self, process: simpy.Event) -> None:
        if not process.ok:  # nobody catches it: the event loop raises what went wrong
            return
        exchange = cast("Exchange", process.value)
        if self.exchanges.get(exchange.child.name) is exchange:
            exchange.ended, exchange.process = True, None
            self._ended += 1
            self._answered += exchange.answer is not None
            self._look()

    def over(self) -> list[Exchange]:
        """The talks that are through, which leave the hall, in the order of the children's ordinals."""
        through = sorted(
            (t for t in self.exchanges.values() if t.ended), key=lambda exchange: exchange.child.ordinal
        )
        for exchange in through:
            del self.exchanges[exchange.child.name]
        self._ended = self._answered = 0
        return through

    def dismiss(self) -> bool:
        """Interrupt everybody who is still at it; whether anybody was."""
        rest = [exchange for exchange in self.exchanges.values() if not exchange.ended]
        self.exchanges.clear()
        self._ended = self._answered = 0
        for exchange in rest:
            if exchange.process is not None and exchange.process.is_alive:
                exchange.process.interrupt()
                exchange.process = None
        return bool(rest)

    def _timed(self, opens: simpy.Event) -> Any:
        def due(_: simpy.Event) -> None:
            if self._opens is opens:
                self._due = True
                self._look()

        return due

    def _look(self) -> None:
        if self._opens is None or self._opens.triggered or self._wait is None:
            return
        if self._wait.enough(self._answered, self._ended, len(self.exchanges), due=self._due):
            self._opens.succeed()


def at_once(env: simpy.Environment) -> simpy.Event:
    """An event of this very instant, after the interrupts there are and before anything else."""
    return _scheduled(env, URGENT, 0)


def _scheduled(env: simpy.Environment, priority: EventPriority, delay_s: float) -> simpy.Event:
    """A timeout at a priority of its own."""
    event: Any = env.event()
    event._ok, event._value = True, None
    env.schedule(event, priority, delay_s)
    scheduled: simpy.Event = event
    return scheduled
