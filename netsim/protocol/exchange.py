"""Conversations between a node and its children: who is at work for whom, and when the node stops waiting."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import simpy
from simpy.events import URGENT, EventPriority

from learning.engine import Letter
from netsim.barriers.barriers import Wait
from netsim.network import Link
from netsim.protocol.corrections import Heard
from netsim.protocol.trace import Path
from netsim.protocol.transport import Posted
from netsim.topology import Node

Waiting: TypeAlias = Generator[simpy.Event, Any, Any]

LAST = EventPriority(2)
"""Priority of a barrier's timer: whatever arrives at that instant has arrived."""


@dataclass(eq=False, slots=True)
class Talk:
    """A conversation of `child` with its parent, which told it what it `heard` in its `turn`-th aggregation.

    `hears` fires when it has heard it, as the `place`-th receiver of the message `told`. `answer` is there once it
    has arrived; `ended` says that nothing more will come. `weight` replaces the child's share where a selection says
    what it counts; `mass` is what was below it when it was told, counted in a tree that changes.
    """

    child: Node
    heard: Heard
    began_s: float
    path: Path
    hears: simpy.Event
    uplink: Link
    told: Posted | None
    place: int
    turn: int = 0
    weight: float | None = None
    mass: int = 1
    process: simpy.Process | None = None
    doing: Literal["hear", "work", "send"] = "hear"
    sent: Posted | None = None
    answer: Letter | None = None
    ended: bool = False
    ended_s: float = 0.0


@dataclass(eq=False)
class Hall:
    """Where a node waits for its children; the talks of those who are late stay from one aggregation to the next."""

    env: simpy.Environment
    talks: dict[str, Talk] = field(default_factory=dict)
    turn: int = 0
    """Aggregations begun so far."""
    spoken: list[Posted] = field(default_factory=list)
    """Broadcasts of this aggregation, and earlier ones that are still under way."""
    _opens: simpy.Event | None = None
    _wait: Wait | None = None
    _due: bool = False
    _ended: int = 0
    _answered: int = 0

    def wait(self, wait: Wait) -> Waiting:
        """Until `wait` has enough answers; return whether its timer had to go off."""
        self._opens, self._wait, self._due = self.env.event(), wait, False
        if wait.after_s is not None:
            timer = _scheduled(self.env, LAST, wait.after_s)
            timer.callbacks.append(self._timed(self._opens))
        self._look()
        yield self._opens
        return self._due

    def begun(self, talk: Talk, process: simpy.Process) -> None:
        """A child is at work from now on; `process`, whose value is the talk, ends with it."""
        talk.process = process
        self.talks[talk.child.name] = talk
        assert process.callbacks is not None
        process.callbacks.append(self._through)

    def _through(self, process: simpy.Event) -> None:
        if not process.ok:  # nobody catches it: the event loop raises what went wrong
            return
        talk = cast("Talk", process.value)
        if self.talks.get(talk.child.name) is talk:
            talk.ended, talk.process = True, None
            self._ended += 1
            self._answered += talk.answer is not None
            self._look()

    def over(self) -> list[Talk]:
        """The talks that are through, which leave the hall, in the order of the children's ordinals."""
        through = sorted((t for t in self.talks.values() if t.ended), key=lambda talk: talk.child.ordinal)
        for talk in through:
            del self.talks[talk.child.name]
        self._ended = self._answered = 0
        return through

    def dismiss(self) -> bool:
        """Interrupt everybody who is still at it; whether anybody was."""
        rest = [talk for talk in self.talks.values() if not talk.ended]
        self.talks.clear()
        self._ended = self._answered = 0
        for talk in rest:
            if talk.process is not None and talk.process.is_alive:
                talk.process.interrupt()
                talk.process = None
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
        if self._wait.enough(self._answered, self._ended, len(self.talks), due=self._due):
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
