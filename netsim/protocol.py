"""Hierarchical federated learning as one nested loop: the ladder differs, the loop does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast

import simpy

from learning.algorithm import Algorithm, Layer
from learning.compressors import Plain
from learning.engine import Engine, Letter, Place, Ref, Visit
from netsim.clocks import Clock
from netsim.corrections import Corrections, Heard
from netsim.meter import Meter
from netsim.network import Ports, Transfer
from netsim.topology import Node
from netsim.trace import Message, Path, Trace

Waiting: TypeAlias = Generator[simpy.Event, Any, Any]
Watch: TypeAlias = Callable[[int, Ref, Path], bool]
"""Told (iteration index, the node's model, the iteration's critical path); True ends the run."""


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
    corrections: Corrections = field(default_factory=Corrections)
    ladders: Callable[[], Algorithm] | None = None
    """Asked for the ladder of every global round where it may change; None: always `algorithm`."""

    def advance(
        self, node: Node, heard: Heard, tau: int, visit: Visit, watch: Watch | None = None
    ) -> Waiting:
        """Take `node` from what it heard through `tau` aggregations of its children; return (model, critical path).

        In the first iteration of a period the node forwards what it heard, at that message's size;
        afterwards the layer's own downlink encodes how far its model has moved from its children's copy.
        """
        layer = self.algorithm.layers[node.level - 1]
        own, said, total = heard.model, heard, Path.none(self.algorithm.depth)
        loop, step = self, visit.step
        for k in range(tau):
            if self.ladders is not None and node.level == self.algorithm.depth:
                loop = replace(self, algorithm=self.ladders())
                layer = loop.algorithm.layers[-1]
            here = replace(visit, path=(*visit.path, k), step=step)
            step += loop.algorithm.steps(node.level)
            if k:
                said = self._announced(node, layer, own, said, here)
            before = yield from loop._prologue(node, said, here)
            if before is not None:
                said, total = replace(said, known=True), total.then(before)
            last = node.level < self.algorithm.depth and k == tau - 1
            own, path = yield from loop.iterate(node, layer, own, said, here, last)
            path = path if before is None else before.then(path)
            total = total.then(path)
            if watch is not None and watch(k, own, path):
                break
        if layer.echo and node.level < self.algorithm.depth:
            self._echo(node, layer, own, said, replace(visit, path=(*visit.path, tau)))
        return own, total

    def iterate(
        self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit, last: bool = False
    ) -> Waiting:
        """One aggregation: speak to all children, wait for the last answer, merge in topology order."""
        told = [self.corrections.told(self.engine, child, said) for child in node.children]
        tau = layer.tau_of(last)
        promised = [
            self._local_work(child, layer, tau, heard, visit)
            for child, heard in zip(node.children, told, strict=True)
        ]
        arrivals = self._speak(node, said, visit)
        talks = [
            self.env.process(self._converse(node, i, layer, tau, told[i], arrivals[i], promised[i], visit))
            for i in range(len(node.children))
        ]
        yield self.env.all_of(talks)
        done = [cast("Talk", talk.value) for talk in talks]
        path = max(done, key=lambda talk: talk.ended_s).path
        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.computing(self.aggregation_s)
        return self._merge(node, layer, own, said, done, visit), path

    def _announced(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> Heard:
        letter = self.engine.announce(layer.downlink, place(node), own, said.model, visit)
        return replace(said, model=letter.body, bits=self.engine.bits(letter), known=False)

    def _echo(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> None:
        """Tell the children the last model of a period; nobody waits for it."""
        echoed = self._announced(node, layer, own, said, visit)
        self._speak(node, echoed, visit)
        for child in node.children:
            self.corrections.told(self.engine, child, echoed)

    def _prologue(self, node: Node, said: Heard, visit: Visit) -> Waiting:
        """Where the algorithm has one and it is due: its critical path. The corrections are in place afterwards."""
        prologue = self.algorithm.prologue
        if prologue is None or node.level < self.algorithm.depth or visit.path[0] % prologue.every:
            return None
        ladder = prologue.ladder()
        before = replace(self, algorithm=ladder, corrections=Corrections())
        here = replace(visit, phase=1)
        mean, path = yield from before.iterate(node, ladder.layers[node.level - 1], said.model, said, here)
        spoken = Heard(mean, Plain().bits(self.engine.dim))
        path = path.then((yield from before.spread(node, spoken, here)))
        self.corrections.replaced(before.corrections)
        return path

    def spread(self, node: Node, said: Heard, visit: Visit) -> Waiting:
        """Tell everybody below, who answer nothing; return the critical path."""
        for child in node.children:
            self.corrections.told(self.engine, child, said)
        arrivals = self._speak(node, said, visit)
        heard = [
            self.env.process(self._passed_on(child, said, hears, visit))
            for child, hears in zip(node.children, arrivals, strict=True)
        ]
        yield self.env.all_of(heard)
        ends = [cast("tuple[float, Path]", one.value) for one in heard]
        return max(ends, key=lambda end: end[0])[1]

    def _passed_on(self, child: Node, said: Heard, hears: simpy.Event, visit: Visit) -> Waiting:
        began_s, path = self.env.now, Path.none(self.algorithm.depth)
        yield hears
        heard_s = self.env.now
        if child.children:
            path = yield from self.spread(child, said, visit)
        self.trace.spent(visit.path[0] + 1, child, heard_s - began_s, self.env.now - heard_s, 0.0)
        return self.env.now, path.over(child.level + 1, heard_s - began_s, 0.0)

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

    def _local_work(self, child: Node, layer: Layer, tau: int, said: Heard, visit: Visit) -> Letter | None:
        """A device's answer is promised when its parent speaks, so that siblings train in one stack."""
        if child.children:
            return None
        keeps: Literal["no", "model", "update"] = "model" if layer.up.lossless else "update"
        moved = self.engine.train(
            self.algorithm.leaf,
            child.ordinal,
            said.model,
            tau,
            visit,
            said.shift,
            keeps if layer.drift else "no",
        )
        self._ended(child, layer, tau, moved)
        return self.engine.answer(layer.up, place(child), moved, said.model, visit)

    def _ended(self, child: Node, layer: Layer, tau: int, moved: Ref) -> None:
        if layer.drift:
            steps = tau * self.algorithm.steps(child.level)
            self.corrections.ended(child, moved, self.algorithm.leaf.learning_rate * steps)

    def _converse(
        self,
        node: Node,
        i: int,
        layer: Layer,
        tau: int,
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
            moved, path = yield from self.advance(child, said, tau, visit)
            self._ended(child, layer, tau, moved)
            answer = self.engine.answer(layer.up, place(child), moved, said.model, visit)
        else:
            yield self.env.timeout(self._local_work_s(child, tau, visit))
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
        seconds = self.clock.local_work_s(device.ordinal, steps, visit.first_step)
        if self.meter is not None:
            self.meter.computed(device, steps, seconds, self.env.now)
        return seconds

    def _speak(self, node: Node, said: Heard, visit: Visit) -> Sequence[simpy.Event]:
        if said.known:
            return [self.env.timeout(0) for _ in node.children]
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
