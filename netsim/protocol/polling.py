"""Selection of the children that take part, with a poll of their losses where the selector needs it.

Source of the poll: power of choice, arXiv:2010.01243.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import simpy

from learning.aggregation.rules import Mean
from learning.algorithms.layer import Layer
from learning.compressors import Plain
from learning.engine import Engine, IterationIndex, LossQuery
from netsim.barriers.barriers import All
from netsim.protocol.corrections import BroadcastModel
from netsim.protocol.exchange import Exchange, Inbox, ProcessGenerator
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.local_steps import LocalWork
from netsim.protocol.trace import Path
from netsim.selection.interfaces import SelectedChildren, Selector, needs_polling
from netsim.topology import Node

LOSS_BITS = 32
"""Payload of a loss."""
UNCOMPRESSED = Layer(1, Plain(), Mean())
"""The layer by which a loss is uploaded."""
FORWARD_SHARE = 1.0 / 3.0
"""Operations of a loss relative to those of an SGD step: the backward pass costs twice the forward pass."""


@dataclass(frozen=True)
class Participants:
    """The selected children with their weights, the model to broadcast, and the critical path of the poll, if any."""

    children: SelectedChildren
    model: BroadcastModel
    poll_path: Path | None = None


@dataclass(frozen=True)
class ParticipantSelection:
    """Selects the children of a node that take part in an aggregation. `batch_size` is that of one SGD step."""

    exchanges: ExchangeRunner
    engine: Engine
    local_work: LocalWork
    batch_size: int

    def select(
        self, node: Node, selector: Selector | None, model: BroadcastModel, iteration: IterationIndex
    ) -> ProcessGenerator:
        """Return the `Participants`: without a selector all available children, never those in unfinished exchanges.

        Polled children have received the model, so its broadcast to the selected ones costs nothing.
        """
        membership = self.exchanges.membership
        busy = set(self.exchanges.inbox(node).exchanges)
        children = membership.available_children(node)
        shares = membership.shares_of(node, children)
        if selector is None:
            return Participants([(child, None) for child in children if child.name not in busy], model)
        if not needs_polling(selector):
            return Participants(selector.choose(node, children, shares, busy, iteration), model)
        candidates = selector.candidates(node, children, busy, iteration)
        if not candidates:
            return Participants((), model)
        poll = _Poll(self, node, model, iteration, selector.loss_request)
        path = yield from poll.run(candidates)
        available = membership.available_children(node)
        selected = selector.select_by_loss(node, available, busy, poll.losses)
        return Participants(selected, replace(model, already_received=True), path)


def poll_inbox(node: Node) -> str:
    """Return the name of the inbox in which `node` waits for losses."""
    return f"{node.name} (poll)"


@dataclass
class _Poll:
    """One poll of devices; `losses` by device name, of those whose upload arrived."""

    selection: ParticipantSelection
    node: Node
    model: BroadcastModel
    iteration: IterationIndex
    samples_of: Callable[[Node, IterationIndex], tuple[LossQuery, int]]
    losses: dict[str, float] = field(default_factory=dict)

    def run(self, candidates: Sequence[Node]) -> ProcessGenerator:
        """Broadcast the model and wait for all losses; return the path of the last one."""
        runner = self.selection.exchanges
        inbox = runner.inboxes[poll_inbox(self.node)] = Inbox(runner.env)
        sent = runner.broadcaster.broadcast(self.node, candidates, self.model, inbox)
        for exchange in sent:
            runner.start(inbox, exchange, self._evaluate(exchange))
        try:
            yield from inbox.wait(All())
        except simpy.Interrupt:
            runner.abort_all(inbox)
            raise
        runner.abort_all(inbox)  # cancels broadcasts that no receiver waits for any more
        return max(sent, key=lambda exchange: exchange.finished_s).path

    def _evaluate(self, exchange: Exchange) -> ProcessGenerator:
        """Receive the model, evaluate its loss, upload it."""
        runner, engine, device = self.selection.exchanges, self.selection.engine, exchange.child
        received_s = yield from runner.receive(exchange)
        samples, count = self.samples_of(device, self.iteration)
        steps = FORWARD_SHARE * count / self.selection.batch_size
        work_s = self.selection.local_work.evaluate_s(device, steps, self.iteration, runner.env.now)
        yield runner.env.timeout(work_s)
        ready_s = runner.env.now
        delivered = yield from runner.upload(self.node, UNCOMPRESSED, exchange, LOSS_BITS)
        if exchange.upload is None:
            return
        path = exchange.path.plus_compute(ready_s - received_s)
        exchange.path = path.plus_transfers(1, received_s - exchange.began_s, runner.env.now - ready_s)
        if delivered:
            self.losses[device.name] = engine.local_loss(self.model.model, samples)
