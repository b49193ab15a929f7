"""Asking candidates for their loss before they are chosen: power of choice, arXiv:2010.01243."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import simpy

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Layer
from learning.compressors import Plain
from learning.engine import Look, Visit
from netsim.barriers.barriers import All
from netsim.protocol.corrections import Heard
from netsim.protocol.exchange import Hall, Talk, Waiting
from netsim.protocol.interruptions import upload
from netsim.protocol.trace import BUSY, SENDING, Path
from netsim.selection.selection import Asked, is_curious
from netsim.topology import Node

if TYPE_CHECKING:
    from netsim.protocol.loop import Loop

NUMBER_BITS = 32
"""Payload of a loss."""
PLAIN = Layer(1, Plain(), Mean())
"""How a loss travels: as it is."""
FORWARD = 1.0 / 3.0
"""Operations of a loss in those of its gradient: the backward pass costs twice the forward one."""


@dataclass(frozen=True)
class Polled:
    """Whom a parent asks, what it tells them, and the critical path of the poll before (None: there was none)."""

    asked: Asked
    said: Heard
    path: Path | None = None


def asked(loop: Loop, node: Node, said: Heard, hall: Hall, visit: Visit) -> Waiting:
    """The children of a node that shall work in this visit (a `Polled`); a curious selection polls them first.

    Whoever was polled holds the model already: it is told at no cost that it shall work.
    """
    choice, roster = loop.choices[node.level - 1] if loop.choices else None, loop.roster
    busy = set(hall.talks)
    children = roster.present(node)
    shares = roster.shares_of(node, children)
    if choice is None:
        return Polled([(child, None) for child in children if child.name not in busy], said)
    if not is_curious(choice):
        return Polled(choice.choose(node, children, shares, busy, visit), said)
    candidates = choice.candidates(node, children, busy, visit)
    if not candidates:
        return Polled((), said)
    poll = _Poll(loop, node, said, visit, choice.look)
    path = yield from poll.run(candidates)
    there = roster.present(node)
    return Polled(choice.preferred(node, there, busy, poll.losses), replace(said, known=True), path)


def polled_at(node: Node) -> str:
    """The name of the hall in which a node waits for losses."""
    return f"{node.name} (poll)"


@dataclass
class _Poll:
    """One poll of devices: `losses` by name, of those whose number arrived."""

    loop: Loop
    node: Node
    said: Heard
    visit: Visit
    look: Callable[[Node, Visit], tuple[Look, int]]
    losses: dict[str, float] = field(default_factory=dict)

    def run(self, candidates: Sequence[Node]) -> Waiting:
        """Tell them the model and wait for everybody; the path of the last to answer."""
        hall = self.loop.halls[polled_at(self.node)] = Hall(self.loop.env)
        talks = self.loop.teller.tell(self.node, candidates, self.said, hall)
        for talk in talks:
            hall.begun(talk, self.loop.env.process(self.loop.converse(talk, self._answer(talk))))
        try:
            yield from hall.wait(All())
        except simpy.Interrupt:
            self.loop.close(hall)
            raise
        self.loop.close(hall)  # what is still said there, nobody hears
        return max(talks, key=lambda talk: talk.ended_s).path

    def _answer(self, talk: Talk) -> Waiting:
        """Hear the model, compute its loss, answer with it."""
        loop, device, trace = self.loop, talk.child, self.loop.posts.trace
        if device.name in loop.roster.silent:
            yield loop.env.event()
        yield talk.hears
        heard_s, talk.doing = loop.env.now, "work"
        trace.at(device, BUSY, heard_s)
        yield loop.env.timeout(self._computing_s(device))
        ready_s, talk.doing = loop.env.now, "send"
        trace.at(device, SENDING, ready_s)
        yield from upload(loop, self.node, PLAIN, talk, NUMBER_BITS)
        if talk.sent is None:
            return
        path = talk.path.computing(ready_s - heard_s)
        talk.path = path.over(1, heard_s - talk.began_s, loop.env.now - ready_s)
        if talk.sent.message.delivered:
            self.losses[device.name] = loop.engine.loss(self.said.model, self.look(device, self.visit)[0])

    def _computing_s(self, device: Node) -> float:
        loop, steps = (
            self.loop,
            FORWARD * self.look(device, self.visit)[1] / self.loop.algorithm.leaf.batch_size,
        )
        seconds = steps * loop.clock.local_work_s(device.ordinal, 1, self.visit.first_step)
        seconds = loop.pace(device, seconds, loop.env.now)
        if loop.posts.meter is not None:
            loop.posts.meter.computed(device, steps, seconds, loop.env.now)
        return seconds
