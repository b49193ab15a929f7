"""The round loop of hierarchical federated learning: broadcast, wait, local work, upload, aggregate.

One loop serves all algorithms. A node of layer n runs *periods*: in each it repeats tau_n aggregations of its children
and then uploads its model to its parent. One aggregation (`Loop.run_aggregation`) is

1. **select** the children that take part (all available ones, or those that the layer's selection names);
2. **broadcast** the model to them; every child then works in a process of its own (`Loop._child_steps`): it receives
   the model, does local SGD steps if it is a device, or runs a period of its own if it is a server, and uploads;
3. **wait** until the layer's barrier opens: all children, the first m, a fraction, a deadline ...;
4. **aggregate** the answers that have arrived.

Children that have not answered when the barrier opens are *late*. With `late: drop` they are interrupted at once: they
and all nodes below them stop, their links are freed, and their work is lost. With `late: carry` nothing happens to
them: their exchanges stay in the parent's inbox, they are not selected for the following aggregations while they work,
and their answers are aggregated in the first aggregation whose barrier opens after they arrive, weighted by the
barrier's staleness factor for the number of aggregations in between. See `netsim.barriers` for barriers,
`exchange_runner` for what an interrupt does, and `aggregation_weights` for the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

import simpy

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer
from learning.compressors import Plain, sends_models
from learning.engine import Engine, IterationIndex, LazyVector, Payload
from netsim.barriers.barriers import All, Asynchronous, Barrier
from netsim.protocol.aggregation_weights import aggregation_weights, relative_to
from netsim.protocol.corrections import BroadcastModel, Corrections
from netsim.protocol.exchange import Exchange, Inbox, ProcessGenerator
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.local_steps import LocalSteps, LocalWork
from netsim.protocol.membership import Membership, place
from netsim.protocol.polling import Participants, ParticipantSelection
from netsim.protocol.prologue import distribute
from netsim.protocol.trace import Path
from netsim.selection.interfaces import Selector
from netsim.topology import Node

RoundCallback: TypeAlias = Callable[[int, LazyVector, Path], bool]
"""(index of the iteration, the node's model, the iteration's critical path) -> whether the run ends."""

BeforeAggregation: TypeAlias = Callable[[Node], None]
"""Called before each aggregation of a node; the tree below the node may change then."""


def keep_tree(node: Node) -> None:
    """Do nothing before an aggregation: the tree is static."""


@dataclass(frozen=True)
class Loop:
    """The round loop and what it needs.

    Args:
        exchanges: runs the exchanges between parents and children.
        engine: computes models; the loop handles references to them.
        algorithm: one layer per level of the tree: tau, compressors, rule.
        local_work: times the devices' local work.
        aggregation_s: seconds that a server takes from the last answer to its new model.
        barriers: one per layer; () stands for `All` on every layer.
        selectors: one per layer (None: all children); () stands for None on every layer.
        corrections: gradient corrections of the nodes.
        next_algorithm: returns the algorithm of the next global round; None: always `algorithm`.
        before_aggregation: hook for dynamics.
    """

    exchanges: ExchangeRunner
    engine: Engine
    algorithm: Algorithm
    local_work: LocalWork
    aggregation_s: float = 0.0
    barriers: Sequence[Barrier] = ()
    selectors: Sequence[Selector | None] = ()
    corrections: Corrections = field(default_factory=Corrections)
    next_algorithm: Callable[[], Algorithm] | None = None
    before_aggregation: BeforeAggregation = keep_tree

    @property
    def env(self) -> simpy.Environment:
        """The event loop."""
        return self.exchanges.env

    @property
    def membership(self) -> Membership:
        """Children, links and weights."""
        return self.exchanges.membership

    def run_period(
        self,
        node: Node,
        received: BroadcastModel,
        tau: int,
        iteration: IterationIndex,
        on_round: RoundCallback | None = None,
    ) -> ProcessGenerator:
        """Run `tau` aggregations at `node`, beginning from the received model; return (model, critical path).

        In the first one the node forwards the message that it received, at its size; afterwards the layer's downlink
        compressor encodes the difference of the node's model from its children's copy. The period ends early if no
        child is available (at the cloud: and none can become available).
        """
        is_cloud = node.level == self.algorithm.depth
        loop, layer = self, self.algorithm.layers[node.level - 1]
        model, announced = received.model, received
        total, step = Path.empty(self.algorithm.depth), iteration.step
        for k in range(tau):
            idle_from_s = self.env.now
            if not (yield from self._wait_for_available_child(node)):
                break
            idle_s = self.env.now - idle_from_s
            if is_cloud and self.next_algorithm is not None:
                loop = replace(self, algorithm=self.next_algorithm())
                layer = loop.algorithm.layers[-1]
            current = replace(iteration, path=(*iteration.path, k), step=step)
            step += loop.algorithm.steps(node.level)
            if k > 0:
                announced = self._encode_broadcast(node, layer, model, announced, current)
            prologue_path = None
            if is_cloud:
                prologue_path = yield from loop._run_prologue(node, announced, current)
            if prologue_path is not None:
                announced = replace(announced, already_received=True)
            is_last = not is_cloud and k == tau - 1
            model, path = yield from loop.run_aggregation(node, layer, model, announced, current, is_last)
            path = (path if prologue_path is None else prologue_path.then(path)).plus_wait(idle_s)
            total = total.then(path)
            if on_round is not None and on_round(k, model, path):
                break
        if layer.echo and not is_cloud:
            end = replace(iteration, path=(*iteration.path, tau))
            self._broadcast_final_model(node, layer, model, announced, end)
        return model, total

    def run_aggregation(
        self,
        node: Node,
        layer: Layer,
        model: LazyVector,
        announced: BroadcastModel,
        iteration: IterationIndex,
        is_last: bool = False,
    ) -> ProcessGenerator:
        """Run one aggregation at `node`: select, broadcast, wait, aggregate; return (model, critical path).

        `model` is the node's own model, `announced` the copy that its children hold or are to receive.
        """
        inbox, barrier = self.exchanges.inbox(node), self.barrier_of(node)
        inbox.aggregations += 1
        idle_s = yield from self._wait_if_children_left(node, inbox)

        selected: Participants = yield from self._selection.select(
            node, self.selector_of(node), announced, iteration
        )
        broadcast_s = self.env.now
        self._broadcast(node, layer, layer.tau_in(is_last), selected, iteration, inbox)

        timer_expired = yield from inbox.wait(barrier)
        finished = inbox.take_finished()
        self._record_aggregation(node, finished)
        if barrier.late == "drop" and self.exchanges.abort_all(inbox):
            yield self.env.timeout(0)  # interrupted processes free their links and devices at this instant
        path = self._critical_path(finished, inbox, broadcast_s, timer_expired=timer_expired)
        path = (path if selected.poll_path is None else selected.poll_path.then(path)).plus_wait(idle_s)

        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.plus_compute(self.aggregation_s)
        return self._aggregate(node, layer, model, announced, finished, iteration), path

    def _wait_for_available_child(self, node: Node) -> ProcessGenerator:
        """Return whether an aggregation can begin: a child is available, or late ones are still working.

        The cloud waits as long as a child may become available; other nodes return at once.
        """
        inbox, is_cloud = self.exchanges.inbox(node), node.level == self.algorithm.depth
        self.before_aggregation(node)
        while not inbox.exchanges and not self.membership.available_children(node):
            change = self.membership.change_event
            if change is None or not is_cloud or not self.membership.may_become_reachable(node):
                return False
            yield change
            self.before_aggregation(node)
        return True

    def _wait_if_children_left(self, node: Node, inbox: Inbox) -> ProcessGenerator:
        """Wait while no child is available because all left during a prologue; return the seconds waited."""
        began_s, membership = self.env.now, self.membership
        while not inbox.exchanges and not membership.available_children(node):
            if membership.change_event is None:
                break
            yield membership.change_event
        return self.env.now - began_s

    def _broadcast(
        self,
        node: Node,
        layer: Layer,
        tau: int,
        selected: Participants,
        iteration: IterationIndex,
        inbox: Inbox,
    ) -> None:
        """Broadcast to the selected children and start their processes."""
        children = [child for child, _ in selected.children]
        sent = self.exchanges.broadcaster.broadcast(node, children, selected.model, inbox)
        tree_changes = self.membership.change_event is not None
        for exchange, (child, weight) in zip(sent, selected.children, strict=True):
            exchange.weight, exchange.aggregation = weight, inbox.aggregations
            exchange.subtree_weight = self.membership.weight(child, node.level) if tree_changes else 1
            exchange.received = self.corrections.apply(self.engine, child, exchange.received)
        # All devices are promised before any starts, so that the engine trains siblings in one stack.
        promised = [self._promise_training(one.child, layer, tau, one.received, iteration) for one in sent]
        for exchange, training in zip(sent, promised, strict=True):
            steps = self._child_steps(node, layer, tau, exchange, training, iteration)
            self.exchanges.start(inbox, exchange, steps)

    def _child_steps(
        self,
        parent: Node,
        layer: Layer,
        tau: int,
        exchange: Exchange,
        training: tuple[LazyVector, Payload] | None,
        iteration: IterationIndex,
    ) -> ProcessGenerator:
        """What a child does in an exchange: receive the model, work on it, upload the answer.

        The work of a device is its local SGD steps, that of a server a period of its own.
        """
        child = exchange.child
        received_s = yield from self.exchanges.receive(exchange)

        if training is None:
            before = self.exchanges.inbox(child).aggregations
            model, path = yield from self.run_period(child, exchange.received, tau, iteration)
            if self.exchanges.inbox(child).aggregations == before:
                return  # no child was available, so there is no answer
            answer = self._encode_answer(child, layer, model, exchange.received, iteration)
        else:
            model, answer = training
            yield self.env.timeout(self.local_work.train_s(child, tau, iteration, self.env.now))
            path = exchange.path.plus_compute(self.env.now - received_s)
        if layer.drift:
            self.corrections.record_end(child, model, self._total_rate(child, layer, tau, iteration))

        ready_s = self.env.now
        delivered = yield from self.exchanges.upload(parent, layer, exchange, self.engine.bits(answer))
        if exchange.upload is None:
            return
        exchange.path = path.plus_transfers(
            parent.level, received_s - exchange.began_s, self.env.now - ready_s
        )
        if delivered:
            self.engine.confirm_delivery(answer)
            self.membership.record_answer(child)
            exchange.answer = answer

    def _promise_training(
        self, child: Node, layer: Layer, tau: int, received: BroadcastModel, iteration: IterationIndex
    ) -> tuple[LazyVector, Payload] | None:
        """Return references to a device's model after local training and to its encoded answer; None for a server."""
        if child.level:
            return None
        keeps: Literal["no", "model", "update"] = "model" if sends_models(layer.up) else "update"
        keeps = keeps if layer.drift else "no"
        steps, own_iteration = self.local_work.steps.count(child, tau, iteration)
        leaf, start, shift = self.algorithm.leaf, received.model, received.shift
        model = self.engine.train(leaf, child.ordinal, start, steps, own_iteration, shift, keeps)
        return model, self._encode_answer(child, layer, model, received, iteration)

    def _encode_answer(
        self,
        child: Node,
        layer: Layer,
        model: LazyVector,
        received: BroadcastModel,
        iteration: IterationIndex,
    ) -> Payload:
        return self.engine.upload(layer.up, place(child), model, received.model, iteration)

    def _total_rate(self, child: Node, layer: Layer, tau: int, iteration: IterationIndex) -> float:
        """Return learning rate x SGD steps of a child's period; for ADMM 1 / rho."""
        if layer.pull:
            return 1 / layer.pull
        steps = tau * self.algorithm.steps(child.level)
        if not child.level:
            steps = self.local_work.steps.count(child, tau, iteration)[0]
        return self.algorithm.leaf.learning_rate * steps

    def _aggregate(
        self,
        node: Node,
        layer: Layer,
        model: LazyVector,
        announced: BroadcastModel,
        finished: Sequence[Exchange],
        iteration: IterationIndex,
    ) -> LazyVector:
        """Return the node's new model from the answers that arrived; its own model if there is none."""
        answered = [exchange for exchange in finished if exchange.answer is not None]
        if not answered:
            return model
        barrier, base = self.barrier_of(node), model if layer.onto == "own" else announced.model
        number = self.exchanges.inbox(node).aggregations
        weights = aggregation_weights(finished, answered, self.membership, node, barrier, number)
        payloads = [cast("Payload", exchange.answer) for exchange in answered]
        if isinstance(barrier, Asynchronous):
            payloads = [relative_to(self.engine, layer, exchange, base) for exchange in answered]
        return self.engine.aggregate(
            layer.rule, place(node), base, announced.model, payloads, weights, iteration
        )

    def _encode_broadcast(
        self, node: Node, layer: Layer, model: LazyVector, previous: BroadcastModel, iteration: IterationIndex
    ) -> BroadcastModel:
        """Encode the node's model by the layer's downlink compressor, relative to the copy that its children hold."""
        payload = self.engine.broadcast(layer.downlink, place(node), model, previous.model, iteration)
        base = None if sends_models(layer.downlink) else previous.model
        rho = self.algorithm.pull_above(node.level)
        shift = self.corrections.shift_for(self.engine, previous, payload.decoded, rho)
        return BroadcastModel(payload.decoded, self.engine.bits(payload), shift, base=base, origin=node.level)

    def _broadcast_final_model(
        self, node: Node, layer: Layer, model: LazyVector, previous: BroadcastModel, iteration: IterationIndex
    ) -> None:
        """Broadcast the last model of a period; the node does not wait for its arrival."""
        final = self._encode_broadcast(node, layer, model, previous, iteration)
        children = self.membership.available_children(node)
        self.exchanges.broadcaster.broadcast(node, children, final, self.exchanges.inbox(node))
        for child in children:
            self.corrections.apply(self.engine, child, final)

    def _run_prologue(
        self, cloud: Node, announced: BroadcastModel, iteration: IterationIndex
    ) -> ProcessGenerator:
        """Run the algorithm's prologue, if it is due in this global round; return its critical path or None.

        A prologue is one aggregation of the whole tree by layers of its own (such as full gradients), whose result is
        distributed to all nodes. It replaces the corrections of all nodes that took part.
        """
        prologue = self.algorithm.prologue
        if prologue is None or iteration.path[0] % prologue.every:
            return None
        algorithm = prologue.to_algorithm()
        loop = replace(
            self,
            exchanges=replace(self.exchanges, inboxes={}),
            algorithm=algorithm,
            local_work=replace(self.local_work, steps=LocalSteps()),
            corrections=Corrections(),
            barriers=(),
            selectors=(),
        )
        phase = replace(iteration, phase=1)
        top = algorithm.layers[cloud.level - 1]
        result, path = yield from loop.run_aggregation(cloud, top, announced.model, announced, phase)
        message = BroadcastModel(result, Plain().bits(self.engine.dim))
        path = path.then(
            (yield from distribute(loop.exchanges, self.engine, loop.corrections, cloud, message))
        )
        self.corrections.update_from(loop.corrections)
        return path

    def _critical_path(
        self, finished: Sequence[Exchange], inbox: Inbox, broadcast_s: float, *, timer_expired: bool
    ) -> Path:
        """Return the path of the last answer if it was started by this aggregation; else the wait for the barrier."""
        last = max(finished, key=lambda exchange: exchange.finished_s, default=None)
        if last is not None and not timer_expired and last.aggregation == inbox.aggregations:
            return last.path
        return Path.empty(self.algorithm.depth).plus_wait(self.env.now - broadcast_s)

    def _record_aggregation(self, node: Node, finished: Sequence[Exchange]) -> None:
        rows = (exchange.upload.row for exchange in finished if exchange.answer and exchange.upload)
        self.exchanges.trace.record_aggregation(self.env.now, node, rows)

    @property
    def _selection(self) -> ParticipantSelection:
        batch_size = self.algorithm.leaf.batch_size
        return ParticipantSelection(self.exchanges, self.engine, self.local_work, batch_size)

    def barrier_of(self, node: Node) -> Barrier:
        """Return the barrier of the node's layer."""
        return self.barriers[node.level - 1] if self.barriers else All()

    def selector_of(self, node: Node) -> Selector | None:
        """Return the selector of the node's layer; None: all children take part."""
        return self.selectors[node.level - 1] if self.selectors else None
