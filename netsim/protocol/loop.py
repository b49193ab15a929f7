"""Hierarchical federated learning as one nested loop: the ladder differs, the loop does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

import simpy

from learning.algorithms.algorithm import Algorithm, Layer
from learning.compressors import sends_models
from learning.engine import Engine, IterationIndex, Payload, Ref
from netsim.barriers.barriers import All, Asynchronous, Barrier
from netsim.devices.clock import Clock
from netsim.protocol.aggregation_weights import weigh, whole_model
from netsim.protocol.broadcast import Broadcaster
from netsim.protocol.corrections import Corrections, ReceivedModel
from netsim.protocol.exchange import Exchange, Inbox, ProcessGenerator, at_once
from netsim.protocol.interruptions import UNNOTICED, Before, Pace, unchanging, undisturbed, upload
from netsim.protocol.local_steps import LocalSteps
from netsim.protocol.membership import Membership, place
from netsim.protocol.polling import Polled, asked
from netsim.protocol.prologue import prologue
from netsim.protocol.trace import BUSY, HEARING, SENDING, Path
from netsim.protocol.transport import Transport
from netsim.selection.selection import Selector
from netsim.topology import Node

RoundCallback: TypeAlias = Callable[[int, Ref, Path], bool]
"""Told (iteration index, the node's model, the iteration's critical path); True ends the run."""

PromisedAnswer: TypeAlias = tuple[Ref, Payload]
"""A device's model at the end of its work, and its answer."""


@dataclass(frozen=True)
class Loop:
    """What the nested loop needs from its surroundings, and nothing more.

    `broadcaster` speaks to children; `clock` times the devices' local work, `aggregation_s` a server's from the last answer
    to its new model. `waits` has one barrier per layer, `choices` one selection (None: everybody); () stands for the
    same on every layer: all. `working`: conversations by child; `before` and `pace`: what disturbs them.
    """

    env: simpy.Environment
    engine: Engine
    algorithm: Algorithm
    broadcaster: Broadcaster
    clock: Clock
    aggregation_s: float = 0.0
    waits: Sequence[Barrier] = ()
    choices: Sequence[Selector | None] = ()
    corrections: Corrections = field(default_factory=Corrections)
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    ladders: Callable[[], Algorithm] | None = None
    """Asked for the ladder of every global round where it may change; None: always `algorithm`."""
    paces: LocalSteps = field(default_factory=LocalSteps)
    working: dict[str, Exchange] = field(default_factory=dict)
    before: Before = unchanging
    pace: Pace = undisturbed

    @property
    def membership(self) -> Membership:
        """Children, links and weights."""
        return self.broadcaster.membership

    @property
    def transport(self) -> Transport:
        """Puts messages on links."""
        return self.broadcaster.transport

    def advance(
        self,
        node: Node,
        heard: ReceivedModel,
        tau: int,
        iteration: IterationIndex,
        watch: RoundCallback | None = None,
    ) -> ProcessGenerator:
        """Take `node` from what it heard through `tau` aggregations of its children; return (model, critical path).

        In the first iteration of a period the node forwards what it heard, at that message's size;
        afterwards the layer's own downlink encodes how far its model has moved from its children's copy.
        """
        layer = self.algorithm.layers[node.level - 1]
        own, said, total = heard.model, heard, Path.none(self.algorithm.depth)
        loop, step = self, iteration.step
        for k in range(tau):
            began_s = self.env.now
            if (yield from self._nobody(node)):
                break
            alone_s = self.env.now - began_s
            if self.ladders is not None and node.level == self.algorithm.depth:
                loop = replace(self, algorithm=self.ladders())
                layer = loop.algorithm.layers[-1]
            here = replace(iteration, path=(*iteration.path, k), step=step)
            step += loop.algorithm.steps(node.level)
            if k:
                said = self._announced(node, layer, own, said, here)
            before = yield from prologue(loop, node, said, here)
            if before is not None:
                said, total = replace(said, known=True), total.then(before)
            last = node.level < self.algorithm.depth and k == tau - 1
            own, path = yield from loop.iterate(node, layer, own, said, here, last)
            path = (path if before is None else before.then(path)).waiting(alone_s)
            total = total.then(path)
            if watch is not None and watch(k, own, path):
                break
        if layer.echo and node.level < self.algorithm.depth:
            self._echo(node, layer, own, said, replace(iteration, path=(*iteration.path, tau)))
        return own, total

    def _nobody(self, node: Node) -> ProcessGenerator:
        """Whether the period ends here, because nobody can be asked and nobody is at work; then `before` was told.

        The cloud waits for a change for as long as one can come; a node below it answers with what it has.
        """
        inbox = self.inbox(node)
        self.before(node)
        while not inbox.exchanges and not self.membership.present(node):
            change = self.membership.changed
            if change is None or node.level < self.algorithm.depth or not self.membership.hopes(node):
                return True
            yield change
            self.before(node)
        return False

    def inbox(self, node: Node) -> Inbox:
        """Where `node` waits."""
        return self.inboxes.setdefault(node.name, Inbox(self.env))

    def iterate(
        self,
        node: Node,
        layer: Layer,
        own: Ref,
        said: ReceivedModel,
        iteration: IterationIndex,
        last: bool = False,
    ) -> ProcessGenerator:
        """One aggregation: speak to the children, wait as the layer's barrier says, merge in topology order."""
        inbox, wait = self.inbox(node), self.wait_of(node)
        inbox.turn, came_s = inbox.turn + 1, self.env.now
        while (
            not inbox.exchanges and not self.membership.present(node) and self.membership.changed is not None
        ):
            yield self.membership.changed  # whoever was there has left during a prologue
        alone_s = self.env.now - came_s
        polled: Polled = yield from asked(self, node, said, inbox, iteration)
        began_s = self.env.now
        self._tell(node, layer, layer.tau_of(last), polled, iteration, inbox)
        due = yield from inbox.wait(wait)
        done = inbox.over()
        self.transport.trace.merged(self.env.now, node, (t.sent.place for t in done if t.answer and t.sent))
        if wait.late == "drop" and self.close(inbox):
            yield self.env.timeout(0)  # until whoever was interrupted has put everything down
        path = self._path(done, inbox, began_s, due=due)
        path = (path if polled.path is None else polled.path.then(path)).waiting(alone_s)
        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.computing(self.aggregation_s)
        return self._merge(node, layer, own, said, done, iteration), path

    def _tell(
        self, node: Node, layer: Layer, tau: int, polled: Polled, iteration: IterationIndex, inbox: Inbox
    ) -> None:
        """Speak to those who shall work, and have each begin."""
        spoken = self.broadcaster.tell(node, [child for child, _ in polled.asked], polled.said, inbox)
        for exchange, (_, weight) in zip(spoken, polled.asked, strict=True):
            exchange.weight, exchange.turn = weight, inbox.turn
            exchange.mass = (
                self.membership.mass(exchange.child, node.level) if self.membership.changed is not None else 1
            )
            exchange.heard = self.corrections.told(self.engine, exchange.child, exchange.heard)
        work = [
            self._local_work(exchange.child, layer, tau, exchange.heard, iteration) for exchange in spoken
        ]
        for exchange, promised in zip(spoken, work, strict=True):
            converse = self.converse(exchange, self._work(node, layer, tau, exchange, promised, iteration))
            inbox.begun(exchange, self.env.process(converse))

    def _path(self, done: Sequence[Exchange], inbox: Inbox, began_s: float, *, due: bool) -> Path:
        """The critical path of an aggregation: that of the last one to answer, if it was told in it."""
        last = max(done, key=lambda exchange: exchange.ended_s, default=None)
        if last is not None and not due and last.turn == inbox.turn:
            return last.path
        return Path.none(self.algorithm.depth).waiting(self.env.now - began_s)

    def _announced(
        self, node: Node, layer: Layer, own: Ref, said: ReceivedModel, iteration: IterationIndex
    ) -> ReceivedModel:
        payload = self.engine.announce(layer.downlink, place(node), own, said.model, iteration)
        base = None if sends_models(layer.downlink) else said.model
        pull = self.algorithm.pull_above(node.level)
        shift = self.corrections.moved(self.engine, said, payload.body, pull)
        return ReceivedModel(payload.body, self.engine.bits(payload), shift, base=base, origin=node.level)

    def _echo(
        self, node: Node, layer: Layer, own: Ref, said: ReceivedModel, iteration: IterationIndex
    ) -> None:
        """Tell the children the last model of a period; nobody waits for it."""
        echoed, children = self._announced(node, layer, own, said, iteration), self.membership.present(node)
        self.broadcaster.tell(node, children, echoed, self.inbox(node))
        for child in children:
            self.corrections.told(self.engine, child, echoed)

    def _merge(
        self,
        node: Node,
        layer: Layer,
        own: Ref,
        said: ReceivedModel,
        done: Sequence[Exchange],
        iteration: IterationIndex,
    ) -> Ref:
        """The node's new model from the answers that arrived; none: its own."""
        present = [exchange for exchange in done if exchange.answer is not None]
        if not present:
            return own
        wait, onto = self.wait_of(node), own if layer.onto == "own" else said.model
        weights = weigh(done, present, self.membership, node, wait, self.inboxes[node.name].turn)
        payloads = [cast("Payload", exchange.answer) for exchange in present]
        if isinstance(wait, Asynchronous):
            payloads = [whole_model(self.engine, layer, exchange, onto) for exchange in present]
        return self.engine.combine(layer.rule, place(node), onto, said.model, payloads, weights, iteration)

    def _local_work(
        self, child: Node, layer: Layer, tau: int, said: ReceivedModel, iteration: IterationIndex
    ) -> PromisedAnswer | None:
        """A device's model and answer are promised when its parent speaks, so that siblings train in one stack."""
        if child.level:
            return None
        keeps: Literal["no", "model", "update"] = "model" if sends_models(layer.up) else "update"
        keeps = keeps if layer.drift else "no"
        leaf, (steps, own) = self.algorithm.leaf, self.paces.own(child, tau, iteration)
        moved = self.engine.train(leaf, child.ordinal, said.model, steps, own, said.shift, keeps)
        return moved, self.engine.answer(layer.up, place(child), moved, said.model, iteration)

    def converse(self, exchange: Exchange, work: ProcessGenerator) -> ProcessGenerator:
        """One child's side: hear, work, answer; whoever is interrupted puts everything down."""
        self.working[exchange.child.name] = exchange
        self.transport.trace.at(exchange.child, HEARING, exchange.began_s)
        try:
            yield from work
        except simpy.Interrupt as stop:
            self._put_down(exchange)
            if stop.cause == UNNOTICED:
                with suppress(simpy.Interrupt):
                    yield self.env.event()
        if self.working.get(exchange.child.name) is exchange:
            del self.working[exchange.child.name]
        exchange.ended_s = self.env.now
        if exchange.answer is None and not exchange.path.total_s:
            exchange.path = exchange.path.waiting(exchange.ended_s - exchange.began_s)
        self.transport.trace.at(exchange.child, None, exchange.ended_s)
        return exchange

    def _work(
        self,
        node: Node,
        layer: Layer,
        tau: int,
        exchange: Exchange,
        promised: PromisedAnswer | None,
        iteration: IterationIndex,
    ) -> ProcessGenerator:
        """Hear the model, work on it, answer with an update."""
        child, said, trace = exchange.child, exchange.heard, self.transport.trace
        if child.name in self.membership.silent:
            yield self.env.event()
        yield exchange.hears
        heard_s, exchange.doing = self.env.now, "work"
        trace.at(child, BUSY, heard_s)
        if promised is None:
            turn = self.inbox(child).turn
            moved, path = yield from self.advance(child, said, tau, iteration)
            if self.inbox(child).turn == turn:
                return  # nobody could be asked
            answer = self.engine.answer(layer.up, place(child), moved, said.model, iteration)
        else:
            yield self.env.timeout(self._local_work_s(child, tau, iteration))
            (moved, answer), path = promised, exchange.path.computing(self.env.now - heard_s)
        if layer.drift:
            steps = tau * self.algorithm.steps(child.level)
            steps = steps if child.level else self.paces.own(child, tau, iteration)[0]
            rate = 1 / layer.pull if layer.pull else self.algorithm.leaf.learning_rate * steps
            self.corrections.ended(child, moved, rate)
        ready_s, exchange.doing = self.env.now, "send"
        trace.at(child, SENDING, ready_s)
        yield from upload(self, node, layer, exchange, self.engine.bits(answer))
        if exchange.sent is None:
            return
        exchange.path = path.over(node.level, heard_s - exchange.began_s, self.env.now - ready_s)
        if exchange.sent.message.delivered:
            self.engine.delivered(answer)
            self.membership.answered(child)
            exchange.answer = answer

    def _put_down(self, exchange: Exchange) -> None:
        """Nobody waits for this child any more: it and everybody below it stop, and their links are free."""
        child, inbox = exchange.child, self.inboxes.get(exchange.child.name)
        self.transport.trace.interrupted += 1
        self.transport.trace.at(child, None, self.env.now)
        if exchange.doing == "hear":
            self.broadcaster.unheard(exchange)
        elif exchange.doing == "work" and not child.level and self.transport.meter is not None:
            self.transport.meter.stopped(child, self.env.now)
        elif exchange.sent is not None:
            self.transport.drop(exchange.sent)
        if inbox is not None:
            self.close(inbox)

    def close(self, inbox: Inbox) -> bool:
        """Everybody who is waited for there stops, and what was being told them; whether anybody was."""
        somebody, spoken = inbox.dismiss(), inbox.spoken[:]
        inbox.spoken.clear()
        if spoken:  # once all have stopped listening
            at_once(self.env).callbacks.append(lambda _: self.transport.drop_all(spoken))
        return somebody

    def _local_work_s(self, device: Node, tau: int, iteration: IterationIndex) -> float:
        steps, own = self.paces.own(device, tau, iteration)
        seconds = self.clock.local_work_s(device.ordinal, steps, own.first_step)
        seconds = self.pace(device, seconds, self.env.now)
        if self.transport.meter is not None:
            self.transport.meter.computed(device, steps, seconds, self.env.now)
        return seconds

    def wait_of(self, node: Node) -> Barrier:
        """Its layer's barrier."""
        return self.waits[node.level - 1] if self.waits else All()
