"""Hierarchical federated learning as one nested loop: the ladder differs, the loop does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

import simpy

from learning.algorithms.algorithm import Algorithm, Layer
from learning.compressors import sends_models
from learning.engine import Engine, Letter, Ref, Visit
from netsim.barriers.barriers import All, Asynchronous, Wait
from netsim.devices.clock import Clock
from netsim.protocol.aggregation_weights import weigh, whole_model
from netsim.protocol.broadcast import Teller
from netsim.protocol.corrections import Corrections, Heard
from netsim.protocol.exchange import Hall, Talk, Waiting, at_once
from netsim.protocol.interruptions import UNNOTICED, Before, Pace, unchanging, undisturbed, upload
from netsim.protocol.local_steps import Paces
from netsim.protocol.membership import Roster, place
from netsim.protocol.polling import Polled, asked
from netsim.protocol.prologue import prologue
from netsim.protocol.trace import BUSY, HEARING, SENDING, Path
from netsim.protocol.transport import Posts
from netsim.selection.selection import Choice
from netsim.topology import Node

Watch: TypeAlias = Callable[[int, Ref, Path], bool]
"""Told (iteration index, the node's model, the iteration's critical path); True ends the run."""

Promised: TypeAlias = tuple[Ref, Letter]
"""A device's model at the end of its work, and its answer."""


@dataclass(frozen=True)
class Loop:
    """What the nested loop needs from its surroundings, and nothing more.

    `teller` speaks to children; `clock` times the devices' local work, `aggregation_s` a server's from the last answer
    to its new model. `waits` has one barrier per layer, `choices` one selection (None: everybody); () stands for the
    same on every layer: all. `working`: conversations by child; `before` and `pace`: what disturbs them.
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
    working: dict[str, Talk] = field(default_factory=dict)
    before: Before = unchanging
    pace: Pace = undisturbed

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
            began_s = self.env.now
            if (yield from self._nobody(node)):
                break
            alone_s = self.env.now - began_s
            if self.ladders is not None and node.level == self.algorithm.depth:
                loop = replace(self, algorithm=self.ladders())
                layer = loop.algorithm.layers[-1]
            here = replace(visit, path=(*visit.path, k), step=step)
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
            self._echo(node, layer, own, said, replace(visit, path=(*visit.path, tau)))
        return own, total

    def _nobody(self, node: Node) -> Waiting:
        """Whether the period ends here, because nobody can be asked and nobody is at work; then `before` was told.

        The cloud waits for a change for as long as one can come; a node below it answers with what it has.
        """
        hall = self.hall(node)
        self.before(node)
        while not hall.talks and not self.roster.present(node):
            change = self.roster.changed
            if change is None or node.level < self.algorithm.depth or not self.roster.hopes(node):
                return True
            yield change
            self.before(node)
        return False

    def hall(self, node: Node) -> Hall:
        """Where `node` waits."""
        return self.halls.setdefault(node.name, Hall(self.env))

    def iterate(
        self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit, last: bool = False
    ) -> Waiting:
        """One aggregation: speak to the children, wait as the layer's barrier says, merge in topology order."""
        hall, wait = self.hall(node), self.wait_of(node)
        hall.turn, came_s = hall.turn + 1, self.env.now
        while not hall.talks and not self.roster.present(node) and self.roster.changed is not None:
            yield self.roster.changed  # whoever was there has left during a prologue
        alone_s = self.env.now - came_s
        polled: Polled = yield from asked(self, node, said, hall, visit)
        began_s = self.env.now
        self._tell(node, layer, layer.tau_of(last), polled, visit, hall)
        due = yield from hall.wait(wait)
        done = hall.over()
        self.posts.trace.merged(self.env.now, node, (t.sent.place for t in done if t.answer and t.sent))
        if wait.late == "drop" and self.close(hall):
            yield self.env.timeout(0)  # until whoever was interrupted has put everything down
        path = self._path(done, hall, began_s, due=due)
        path = (path if polled.path is None else polled.path.then(path)).waiting(alone_s)
        if self.aggregation_s:
            yield self.env.timeout(self.aggregation_s)
            path = path.computing(self.aggregation_s)
        return self._merge(node, layer, own, said, done, visit), path

    def _tell(self, node: Node, layer: Layer, tau: int, polled: Polled, visit: Visit, hall: Hall) -> None:
        """Speak to those who shall work, and have each begin."""
        spoken = self.teller.tell(node, [child for child, _ in polled.asked], polled.said, hall)
        for talk, (_, weight) in zip(spoken, polled.asked, strict=True):
            talk.weight, talk.turn = weight, hall.turn
            talk.mass = self.roster.mass(talk.child, node.level) if self.roster.changed is not None else 1
            talk.heard = self.corrections.told(self.engine, talk.child, talk.heard)
        work = [self._local_work(talk.child, layer, tau, talk.heard, visit) for talk in spoken]
        for talk, promised in zip(spoken, work, strict=True):
            converse = self.converse(talk, self._work(node, layer, tau, talk, promised, visit))
            hall.begun(talk, self.env.process(converse))

    def _path(self, done: Sequence[Talk], hall: Hall, began_s: float, *, due: bool) -> Path:
        """The critical path of an aggregation: that of the last one to answer, if it was told in it."""
        last = max(done, key=lambda talk: talk.ended_s, default=None)
        if last is not None and not due and last.turn == hall.turn:
            return last.path
        return Path.none(self.algorithm.depth).waiting(self.env.now - began_s)

    def _announced(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> Heard:
        letter = self.engine.announce(layer.downlink, place(node), own, said.model, visit)
        base = None if sends_models(layer.downlink) else said.model
        pull = self.algorithm.pull_above(node.level)
        shift = self.corrections.moved(self.engine, said, letter.body, pull)
        return Heard(letter.body, self.engine.bits(letter), shift, base=base, origin=node.level)

    def _echo(self, node: Node, layer: Layer, own: Ref, said: Heard, visit: Visit) -> None:
        """Tell the children the last model of a period; nobody waits for it."""
        echoed, children = self._announced(node, layer, own, said, visit), self.roster.present(node)
        self.teller.tell(node, children, echoed, self.hall(node))
        for child in children:
            self.corrections.told(self.engine, child, echoed)

    def _merge(
        self, node: Node, layer: Layer, own: Ref, said: Heard, done: Sequence[Talk], visit: Visit
    ) -> Ref:
        """The node's new model from the answers that arrived; none: its own."""
        present = [talk for talk in done if talk.answer is not None]
        if not present:
            return own
        wait, onto = self.wait_of(node), own if layer.onto == "own" else said.model
        weights = weigh(done, present, self.roster, node, wait, self.halls[node.name].turn)
        letters = [cast("Letter", talk.answer) for talk in present]
        if isinstance(wait, Asynchronous):
            letters = [whole_model(self.engine, layer, talk, onto) for talk in present]
        return self.engine.combine(layer.rule, place(node), onto, said.model, letters, weights, visit)

    def _local_work(self, child: Node, layer: Layer, tau: int, said: Heard, visit: Visit) -> Promised | None:
        """A device's model and answer are promised when its parent speaks, so that siblings train in one stack."""
        if child.level:
            return None
        keeps: Literal["no", "model", "update"] = "model" if sends_models(layer.up) else "update"
        keeps = keeps if layer.drift else "no"
        leaf, (steps, own) = self.algorithm.leaf, self.paces.own(child, tau, visit)
        moved = self.engine.train(leaf, child.ordinal, said.model, steps, own, said.shift, keeps)
        return moved, self.engine.answer(layer.up, place(child), moved, said.model, visit)

    def converse(self, talk: Talk, work: Waiting) -> Waiting:
        """One child's side: hear, work, answer; whoever is interrupted puts everything down."""
        self.working[talk.child.name] = talk
        self.posts.trace.at(talk.child, HEARING, talk.began_s)
        try:
            yield from work
        except simpy.Interrupt as stop:
            self._put_down(talk)
            if stop.cause == UNNOTICED:
                with suppress(simpy.Interrupt):
                    yield self.env.event()
        if self.working.get(talk.child.name) is talk:
            del self.working[talk.child.name]
        talk.ended_s = self.env.now
        if talk.answer is None and not talk.path.total_s:
            talk.path = talk.path.waiting(talk.ended_s - talk.began_s)
        self.posts.trace.at(talk.child, None, talk.ended_s)
        return talk

    def _work(
        self, node: Node, layer: Layer, tau: int, talk: Talk, promised: Promised | None, visit: Visit
    ) -> Waiting:
        """Hear the model, work on it, answer with an update."""
        child, said, trace = talk.child, talk.heard, self.posts.trace
        if child.name in self.roster.silent:
            yield self.env.event()
        yield talk.hears
        heard_s, talk.doing = self.env.now, "work"
        trace.at(child, BUSY, heard_s)
        if promised is None:
            turn = self.hall(child).turn
            moved, path = yield from self.advance(child, said, tau, visit)
            if self.hall(child).turn == turn:
                return  # nobody could be asked
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
        yield from upload(self, node, layer, talk, self.engine.bits(answer))
        if talk.sent is None:
            return
        talk.path = path.over(node.level, heard_s - talk.began_s, self.env.now - ready_s)
        if talk.sent.message.delivered:
            self.engine.delivered(answer)
            self.roster.answered(child)
            talk.answer = answer

    def _put_down(self, talk: Talk) -> None:
        """Nobody waits for this child any more: it and everybody below it stop, and their links are free."""
        child, hall = talk.child, self.halls.get(talk.child.name)
        self.posts.trace.interrupted += 1
        self.posts.trace.at(child, None, self.env.now)
        if talk.doing == "hear":
            self.teller.unheard(talk)
        elif talk.doing == "work" and not child.level and self.posts.meter is not None:
            self.posts.meter.stopped(child, self.env.now)
        elif talk.sent is not None:
            self.posts.drop(talk.sent)
        if hall is not None:
            self.close(hall)

    def close(self, hall: Hall) -> bool:
        """Everybody who is waited for there stops, and what was being told them; whether anybody was."""
        somebody, spoken = hall.dismiss(), hall.spoken[:]
        hall.spoken.clear()
        if spoken:  # once all have stopped listening
            at_once(self.env).callbacks.append(lambda _: self.posts.drop_all(spoken))
        return somebody

    def _local_work_s(self, device: Node, tau: int, visit: Visit) -> float:
        steps, own = self.paces.own(device, tau, visit)
        seconds = self.clock.local_work_s(device.ordinal, steps, own.first_step)
        seconds = self.pace(device, seconds, self.env.now)
        if self.posts.meter is not None:
            self.posts.meter.computed(device, steps, seconds, self.env.now)
        return seconds

    def wait_of(self, node: Node) -> Wait:
        """Its layer's barrier."""
        return self.waits[node.level - 1] if self.waits else All()
