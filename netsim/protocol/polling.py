"""Asking candidates for their loss before they are chosen: power of choice, arXiv:2010.01243."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import simpy

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Layer
from learning.compressors import Plain
from learning.engine import IterationIndex, Look
from netsim.barriers.barriers import All
from netsim.protocol.corrections import ReceivedModel
from netsim.protocol.exchange import Exchange, Inbox, ProcessGenerator
from netsim.protocol.interruptions import upload
from netsim.protocol.trace import BUSY, SENDING, Path
from netsim.selection.selection import Asked, needs_polling
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
    said: ReceivedModel
    path: Path | None = None


def asked(
    loop: Loop, node: Node, said: ReceivedModel, inbox: Inbox, iteration: IterationIndex
) -> ProcessGenerator:
    """The children of a node that shall work in this visit (a `Polled`); a curious selection polls them first.

    Whoever was polled holds the model already: it is told at no cost that it shall work.
    """
    choice, membership = loop.choices[node.level - 1] if loop.choices else None, loop.membership
    busy = set(inbox.exchanges)
    children = membership.present(node)
    shares = membership.shares_of(node, children)
    if choice is None:
        return Polled([(child, None) for child in children if child.name not in busy], said)
    if not needs_polling(choice):
        return Polled(choice.choose(node, children, shares, busy, iteration), said)
    candidates = choice.candidates(node, children, busy, iteration)
    if not candidates:
        return Polled((), said)
    poll = _Poll(loop, node, said, iteration, choice.look)
    path = yield from poll.run(candidates)
    there = membership.present(node)
    return Polled(choice.preferred(node, there, busy, poll.losses), replace(said, known=True), path)


def polled_at(node: Node) -> str:
    """The name of the hall in which a node waits for losses."""
    return f"{node.name} (poll)"


@dataclass
class _Poll:
    """One poll of devices: `losses` by name, of those whose number arrived."""

    loop: Loop
    node: Node
    said: ReceivedModel
    iteration: IterationIndex
    look: Callable[[Node, IterationIndex], tuple[Look, int]]
    losses: dict[str, float] = field(default_factory=dict)

    def run(self, candidates: Sequence[Node]) -> ProcessGenerator:
        """Tell them the model and wait for everybody; the path of the last to answer."""
        inbox = self.loop.inboxes[polled_at(self.node)] = Inbox(self.loop.env)
        exchanges = self.loop.broadcaster.tell(self.node, candidates, self.said, inbox)
        for exchange in exchanges:
            inbox.begun(exchange, self.loop.env.process(self.loop.converse(exchange, self._answer(exchange))))
        try:
            yield from inbox.wait(All())
        except simpy.Interrupt:
            self.loop.close(inbox)
            raise
        self.loop.close(inbox)  # what is still said there, nobody hears
        return max(exchanges, key=lambda exchange: exchange.ended_s).path

    def _answer(self, exchange: Exchange) -> ProcessGenerator:
        """Hear the model, compute its loss, answer with it."""
        loop, device, trace = self.loop, exchange.child, self.loop.transport.trace
        if device.name in loop.membership.silent:
            yield loop.env.event()
        yield exchange.hears
        heard_s, exchange.doing = loop.env.now, "work"
        trace.at(device, BUSY, heard_s)
        yield loop.env.timeout(self._computing_s(device))
        ready_s, exchange.doing = loop.env.now, "send"
        trace.at(device, SENDING, ready_s)
        yield from upload(loop, self.node, PLAIN, exchange, NUMBER_BITS)
        if exchange.sent is None:
            return
        path = exchange.path.computing(ready_s - heard_s)
        exchange.path = path.over(1, heard_s - exchange.began_s, loop.env.now - ready_s)
        if exchange.sent.message.delivered:
            self.losses[device.name] = loop.engine.loss(self.said.model, self.look(device, self.iteration)[0])

    def _computing_s(self, device: Node) -> float:
        loop, steps = (
            self.loop,
            FORWARD * self.look(device, self.iteration)[1] / self.loop.algorithm.leaf.batch_size,
        )
        seconds = steps * loop.clock.local_work_s(device.ordinal, 1, self.iteration.first_step)
        seconds = loop.pace(device, seconds, loop.env.now)
        if loop.transport.meter is not None:
            loop.transport.meter.computed(device, steps, seconds, loop.env.now)
        return seconds
