"""Hierarchical federated learning as one nested loop: the ladder differs, the loop does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

import simpy

from learning.algorithm import Algorithm, Layer
from learning.compressors import Plain, sends_models
from learning.engine import Engine, Letter, Place, Ref, Visit
from netsim.clocks import Clock
from netsim.corrections import Corrections, Heard
from netsim.paces import Paces
from netsim.polling import Polled, asked
from netsim.posts import Posts
from netsim.roster import Roster
from netsim.selection import Choice
from netsim.talks import Hall, Talk, Waiting, at_once
from netsim.telling import Teller
from netsim.topology import Node
from netsim.trace import BUSY, HEARING, SENDING, Path
from netsim.waits import All, Asynchronous, Wait
from netsim.weights import weigh, whole_model

Watch: TypeAlias = Callable[[int, Ref, Path], bool]
"""Told (iteration index, the node's model, the iteration's critical path); True ends the run."""


@dataclass(frozen=True)
class Loop:
    """What the nested loop needs from its surroundings, and nothing more.

    `teller` speaks to children; `clock` times the devices' local work, `aggregation_s` a server's from the last answer
    to its new model. `waits` has one barrier per layer, `choices`
    one selection (None: everybody); () stands for the same on every layer: all.
    """

    env: simpy.Environment
    engine: Engine
    algorithm: Algorithm
    teller: Teller
    clock: Clock
    aggregation_s: float = 0.0
    waits: Sequence[Wait] = ()
    choices: Sequence[Choice | None] = ()
    corrections: Corrections = field(default_factory=Corrections)
    halls: dict[str, Hall] = field(default_factory=dict)
    ladders: Callable[[], Algorithm] | None = None
    """Asked for the ladder of every global round where it may change; None: always `algorithm`."""
    paces: Paces = field(default_factory=Paces)

    @property
    def roster(self) -> Roster:
        """Children, links and weights."""
        return self.teller.roster

    @property
    def posts(self) -> Posts:
        """Puts messages on links."""
        return self.teller.posts

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
        """One aggregation: speak to the children, wait as the layer's barrier says, merge in topology order."""
        hall = self.halls.setdefault(node.name, Hall(self.env))
        wait, hall.turn = self._wait(node), hall.turn + 1
        polled: Polled = yield from asked(self, node, said, hall, visit)
        began_s = self.env.now
        self._tell(node, layer, layer.tau_of(last), polled, visit, hall)
        due = yield from hall.wait(wait)
        done = hall.over()
        if wait.late == "drop" and hall.dismiss():
            yield self.env.timeout(0)  # until whoever was interrupted has put everything down
        path = self._path(done, hall, began_s, due=due)
        path = path if polled.path is None else polled.path.then(path)
        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.computing(self.aggregation_s)
        return self._merge(node, layer, own, said, done, visit), path

    def _tell(self, node: Node, layer: Layer, tau: int, polled: Polled, visit: Visit, hall: Hall) -> None:
        """Speak to those who shall work, and have each begin."""
        spoken = self.teller.tell(node, [child for child, _ in polled.asked], polled.said, hall)
        for talk, (_, weight) in zip(spoken, polled.asked, strict=True):
            talk.weight, talk.turn = weight, hall.turn
            talk.heard = self.corrections.told(self.engine, talk.child, talk.heard)
        work = [self._local_work(talk.child, layer, tau, talk.heard, visit) for talk in spoken]
        for talk, promised in zip(spoken, work, strict=True):
            converse = self._converse(node, layer, tau, talk, promised, visit)
            hall.begun(talk, self.env.process(converse))

    def _path(self, done: Sequence[Talk], hall: Hall, began_s: float, *, due: bool) -> Path:
        """The critical path of an aggregation: that of the last one to answer, if it was told in it."""
        last = max(done, key=lambda talk: talk.ended_s, default=None)
        if last is not None and not due and last.turn == hall.turn:
            return last.path
        return replace(Path.none(self.algorithm.depth), wait_s=self.env.now - began_s)

    def _announced(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> Heard:
        letter = self.engine.announce(layer.downlink, place(node), own, said.model, visit)
        base = None if sends_models(layer.downlink) else said.model
        pull = self.algorithm.pull_above(node.level)
        shift = self.corrections.moved(self.engine, said, letter.body, pull)
        return Heard(letter.body, self.engine.bits(letter), shift, base=base, origin=node.level)

    def _echo(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> None:
        """Tell the children the last model of a period; nobody waits for it."""
        echoed, children = self._announced(node, layer, own, said, visit), self.roster.children(node)
        self.teller.tell(node, children, echoed, self.halls[node.name])
        for child in children:
            self.corrections.told(self.engine, child, echoed)

    def _prologue(self, node: Node, said: Heard, visit: Visit) -> Waiting:
        """Where the algorithm has one and it is due: its critical path. The corrections are in place afterwards."""
        prologue = self.algorithm.prologue
        if prologue is None or node.level < self.algorithm.depth or visit.path[0] % prologue.every:
            return None
        ladder = prologue.ladder()
        before = replace(
            self, algorithm=ladder, corrections=Corrections(), waits=(), choices=(), halls={}, paces=Paces()
        )
        here = replace(visit, phase=1)
        mean, path = yield from before.iterate(node, ladder.layers[node.level - 1], said.model, said, here)
        spoken = Heard(mean, Plain().bits(self.engine.dim))
        path = path.then((yield from before.spread(node, spoken, here)))
        self.corrections.replaced(before.corrections)
        return path

    def spread(self, node: Node, said: Heard, visit: Visit) -> Waiting:
        """Tell everybody below, who answer nothing; return the critical path."""
        children, hall = self.roster.children(node), self.halls.setdefault(node.name, Hall(self.env))
        for child in children:
            self.corrections.told(self.engine, child, said)
        talks = self.teller.tell(node, children, said, hall)
        heard = [self.env.process(self._passed_on(talk.child, said, talk.hears, visit)) for talk in talks]
        yield self.env.all_of(heard)
        ends = [cast("tuple[float, Path]", one.value) for one in heard]
        return max(ends, key=lambda end: end[0])[1]

    def _passed_on(self, child: Node, said: Heard, hears: simpy.Event, visit: Visit) -> Waiting:
        began_s, path, trace = self.env.now, Path.none(self.algorithm.depth), self.posts.trace
        trace.at(child, HEARING, began_s)
        yield hears
        heard_s = self.env.now
        trace.at(child, BUSY, heard_s)
        if child.level:
            path = yield from self.spread(child, said, visit)
        trace.at(child, None, self.env.now)
        return self.env.now, path.over(child.level + 1, heard_s - began_s, 0.0)

    def _merge(
        self, node: Node, layer: Layer, own: Ref, said: Heard, done: Sequence[Talk], visit: Visit
    ) -> Ref:
        """The node's new model from the answers that arrived; none: its own."""
        present = [talk for talk in done if talk.answer is not None]
        if not present:
            return own
        wait, onto = self._wait(node), own if layer.onto == "own" else said.model
        weights = weigh(present, self.roster, node, wait, self.halls[node.name].turn)
        letters = [cast("Letter", talk.answer) for talk in present]
        if isinstance(wait, Asynchronous):
            letters = [whole_model(self.engine, layer, talk, onto) for talk in present]
        return self.engine.combine(layer.rule, place(node), onto, said.model, letters, weights, visit)

    def _local_work(
        self, child: Node, layer: Layer, tau: int, said: Heard, visit: Visit
    ) -> tuple[Ref, Letter] | None:
        """A device's model and answer are promised when its parent speaks, so that siblings train in one stack."""
        if child.level:
            return None
        keeps: Literal["no", "model", "update"] = "model" if sends_models(layer.up) else "update"
        keeps = keeps if layer.drift else "no"
        leaf, (steps, own) = self.algorithm.leaf, self.paces.own(child, tau, visit)
        moved = self.engine.train(leaf, child.ordinal, said.model, steps, own, said.shift, keeps)
        return moved, self.engine.answer(layer.up, place(child), moved, said.model, visit)

    def _converse(
        self,
        node: Node,
        layer: Layer,
        tau: int,
        talk: Talk,
        promised: tuple[Ref, Letter] | None,
        visit: Visit,
    ) -> Waiting:
        """One child's side of an iteration: hear, work, answer; whoever is interrupted puts everything down."""
        child, said, trace = talk.child, talk.heard, self.posts.trace
        trace.at(child, HEARING, talk.began_s)
        try:
            yield talk.hears
            heard_s, talk.doing = self.env.now, "work"
            trace.at(child, BUSY, heard_s)
            if promised is None:
                moved, path = yield from self.advance(child, said, tau, visit)
                answer = self.engine.answer(layer.up, place(child), moved, said.model, visit)
            else:
                yield self.env.timeout(self._local_work_s(child, tau, visit))
                (moved, answer), path = promised, talk.path.computing(self.env.now - heard_s)
            if layer.drift:
                steps = tau * self.algorithm.steps(child.level)
                steps = steps if child.level else self.paces.own(child, tau, visit)[0]
                rate = 1 / layer.pull if layer.pull else self.algorithm.leaf.learning_rate * steps
                self.corrections.ended(child, moved, rate)
            ready_s, talk.doing = self.env.now, "send"
            trace.at(child, SENDING, ready_s)
            talk.sent, arrived = self.posts.reply(node, talk.uplink, child, self.engine.bits(answer))
            yield arrived
            talk.path = path.over(node.level, heard_s - talk.began_s, self.env.now - ready_s)
            if talk.sent.message.delivered:
                self.engine.delivered(answer)
                talk.answer = answer
        except simpy.Interrupt:
            yield from self._put_down(talk)
        talk.ended_s = self.env.now
        trace.at(child, None, talk.ended_s)
        return talk

    def _put_down(self, talk: Talk) -> Waiting:
        """Nobody waits for this child any more: it and everybody below it stop, and their links are free."""
        child, hall = talk.child, self.halls.get(talk.child.name)
        if talk.doing == "hear":
            self.teller.unheard(talk)
        elif talk.doing == "work" and not child.level and self.posts.meter is not None:
            self.posts.meter.stopped(child, self.env.now)
        elif talk.sent is not None:
            self.posts.drop(talk.sent)
        if hall is not None and hall.dismiss():
            yield at_once(self.env)  # they have stopped listening
        for posted in hall.spoken if hall is not None else ():
            self.posts.drop(posted)

    def _local_work_s(self, device: Node, tau: int, visit: Visit) -> float:
        steps, own = self.paces.own(device, tau, visit)
        seconds = self.clock.local_work_s(device.ordinal, steps, own.first_step)
        if self.posts.meter is not None:
            self.posts.meter.computed(device, steps, seconds, self.env.now)
        return seconds

    def _wait(self, node: Node) -> Wait:
        return self.waits[node.level - 1] if self.waits else All()


def place(node: Node) -> Place:
    """The node as learning knows it."""
    return node.level, node.ordinal
