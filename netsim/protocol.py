"""Hierarchical federated learning as one nested loop: the ladder differs, the loop does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import simpy

from learning.algorithm import Algorithm, Layer
from learning.engine import Engine, Letter, Place, Ref, Visit
from netsim.clocks import Clock
from netsim.meter import Meter
from netsim.network import Ports, Transfer
from netsim.topology import Node
from netsim.trace import Message, Path, Trace

Waiting: TypeAlias = Generator[simpy.Event, Any, Any]
Watch: TypeAlias = Callable[[int, Ref, Path], bool]
"""Told (iteration index, the node's model, the iteration's critical path); True ends the run."""


@dataclass(frozen=True)
class Heard:
    """What a node was told: its receivers' new copy of the model, and the payload bits that carried it."""

    model: Ref
    bits: int


@dataclass(frozen=True)
class Talk:
    """A finished conversation: the child's answer (None: lost on its way), when it ended, and what it waited for."""

    answer: Letter | None
    ended_s: float
    path: Path


@dataclass(frozen=True)
class Loop:
    """What the nested loop needs from its surroundings, and nothing more.

    `ports` and `shares` (the children's weights, summing to 1) are keyed by parent name; `clock` times the
    devices' local work, `aggregation_s` a server's from the last answer to its new model; `meter` counts
    joules, if anybody wants them.
    """

    env: simpy.Environment
    engine: Engine
    algorithm: Algorithm
    ports: Mapping[str, Ports]
    shares: Mapping[str, Sequence[float]]
    clock: Clock
    trace: Trace
    aggregation_s: float = 0.0
    meter: Meter | None = None

    def advance(
        self, node: Node, heard: Heard, tau: int, visit: Visit, watch: Watch | None = None
    ) -> Waiting:
        """Take `node` from what it heard through `tau` aggregations of its children; return (model, critical path).

        In the first iteration of a period the node forwards what it heard, at that message's size;
        afterwards the layer's own downlink encodes how far its model has moved from its children's copy.
        """
        layer = self.algorithm.layers[node.level - 1]
        own, said, total = heard.model, heard, Path.none(self.algorithm.depth)
        for k in range(tau):
            here = Visit((*visit.path, k), visit.step + k * self.algorithm.steps(node.level))
            if k:
                letter = self.engine.announce(layer.downlink, place(node), own, said.model, here)
                said = Heard(letter.body, self.engine.bits(letter))
            own, path = yield from self.iterate(node, layer, own, said, here)
            total = total.then(path)
            if watch is not None and watch(k, own, path):
                break
        return own, total

    def iterate(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> Waiting:
        """One aggregation: speak to all children, wait for the last answer, merge in topology order."""
        promised = [self._local_work(child, layer, said, visit) for child in node.children]
        arrivals = self._speak(node, said, visit)
        talks = [
            self.env.process(self._converse(node, i, layer, said, arrivals[i], promised[i], visit))
            for i in range(len(node.children))
        ]
        yield self.env.all_of(talks)
        done = [cast("Talk", talk.value) for talk in talks]
        path = max(done, key=lambda talk: talk.ended_s).path
        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.computing(self.aggregation_s)
        return self._merge(node, layer, own, said, done, visit), path

    def _merge(
        self, node: Node, layer: Layer, own: Ref, said: Heard, done: Sequence[Talk], visit: Visit
    ) -> Ref:
        """The node's new model from the answers that arrived, whose weights are renormalised; none: its own."""
        present = [(t.answer, w) for t, w in zip(done, self.shares[node.name], strict=True) if t.answer]
        if not present:
            return own
        answers = [answer for answer, _ in present]
        shares = [weight for _, weight in present]
        if len(present) < len(done):
            whole = math.fsum(shares)
            shares = [weight / whole for weight in shares]
        onto = own if layer.onto == "own" else said.model
        return self.engine.combine(layer.rule, place(node), onto, said.model, answers, shares, visit)

    def _local_work(self, child: Node, layer: Layer, said: Heard, visit: Visit) -> Letter | None:
        """A device's answer is promised when its parent speaks, so that siblings train in one stack."""
        if child.children:
            return None
        moved = self.engine.train(self.algorithm.leaf, child.ordinal, said.model, layer.tau, visit)
        return self.engine.answer(layer.up, place(child), moved, said.model, visit)

    def _converse(
        self,
        node: Node,
        i: int,
        layer: Layer,
        said: Heard,
        hears: simpy.Event,
        promised: Letter | None,
        visit: Visit,
    ) -> Waiting:
        """One child's side of an iteration: hear the model, work on it, answer with an update."""
        child, began_s = node.children[i], self.env.now
        yield hears
        heard_s = self.env.now
        if promised is None:
            moved, path = yield from self.advance(child, said, layer.tau, visit)
            answer = self.engine.answer(layer.up, place(child), moved, said.model, visit)
        else:
            yield self.env.timeout(self._local_work_s(child, layer.tau, visit))
            answer, path = promised, Path(self.env.now - heard_s, *2 * ((0.0,) * self.algorithm.depth,))
        ready_s = self.env.now
        sent = self._reply(node, i, answer, visit)
        yield sent.arrived
        if sent.delivered:
            self.engine.delivered(answer)
        self.trace.spent(
            visit.path[0] + 1, child, heard_s - began_s, ready_s - heard_s, self.env.now - ready_s
        )
        arrived = answer if sent.delivered else None
        return Talk(arrived, self.env.now, path.over(node.level, heard_s - began_s, self.env.now - ready_s))

    def _local_work_s(self, device: Node, steps: int, visit: Visit) -> float:
        seconds = self.clock.local_work_s(device.ordinal, steps, visit.step)
        if self.meter is not None:
            self.meter.computed(device, steps, seconds, self.env.now)
        return seconds

    def _speak(self, node: Node, said: Heard, visit: Visit) -> Sequence[simpy.Event]:
        sent = self.ports[node.name].down.send(said.bits)
        sizes = said.bits * sent.transfers, sent.wire_bits, sent.airtime_s
        ends = node.name, "*", len(node.children)
        row = self.trace.sent(
            Message(visit.path[0] + 1, node.level, "down", *ends, *sizes, self.env.now, True)
        )
        for event in sent.arrivals:
            self._stamp(event, row)
        if self.meter is not None:
            hearers = [node.children] if sent.transfers == 1 else [(child,) for child in node.children]
            for one, receivers in zip(sent.each, hearers, strict=True):
                self.meter.begun(node.level, node, receivers, one)
        return sent.arrivals

    def _reply(self, node: Node, i: int, answer: Letter, visit: Visit) -> Transfer:
        bits = self.engine.bits(answer)
        sent = self.ports[node.name].up[i].send(bits)
        ends, sizes = (node.children[i].name, node.name, 1), (bits, sent.wire_bits, sent.airtime_s)
        turn, way, now = visit.path[0] + 1, "up", self.env.now
        self._stamp(
            sent.arrived,
            self.trace.sent(Message(turn, node.level, way, *ends, *sizes, now, sent.delivered)),
        )
        if self.meter is not None:
            self.meter.begun(node.level, node.children[i], (node,), sent)
        return sent

    def _stamp(self, event: simpy.Event, row: int) -> None:
        """Write the arrival into the message's row, before anybody who waits for it goes on."""
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self.trace.arrived(row, self.env.now))


def place(node: Node) -> Place:
    """The node as learning knows it."""
    return node.level, node.ordinal
