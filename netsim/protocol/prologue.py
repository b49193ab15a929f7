"""Prologues: what an algorithm gathers from everybody, and spreads to them, before an iteration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from learning.compressors import Plain
from learning.engine import IterationIndex
from netsim.protocol.corrections import Corrections, ReceivedModel
from netsim.protocol.exchange import Inbox, ProcessGenerator
from netsim.protocol.local_steps import LocalSteps
from netsim.protocol.trace import BUSY, HEARING, Path
from netsim.topology import Node

if TYPE_CHECKING:
    import simpy

    from netsim.protocol.loop import Loop


def prologue(loop: Loop, node: Node, said: ReceivedModel, iteration: IterationIndex) -> ProcessGenerator:
    """Where the algorithm has one and it is due: its critical path. The corrections are in place afterwards."""
    told = loop.algorithm.prologue
    if told is None or node.level < loop.algorithm.depth or iteration.path[0] % told.every:
        return None
    ladder = told.ladder()
    before = replace(
        loop,
        algorithm=ladder,
        corrections=Corrections(),
        waits=(),
        choices=(),
        inboxes={},
        paces=LocalSteps(),
    )
    here = replace(iteration, phase=1)
    mean, path = yield from before.iterate(node, ladder.layers[node.level - 1], said.model, said, here)
    spoken = ReceivedModel(mean, Plain().bits(loop.engine.dim))
    path = path.then((yield from spread(before, node, spoken, here)))
    loop.corrections.replaced(before.corrections)
    return path


def spread(loop: Loop, node: Node, said: ReceivedModel, iteration: IterationIndex) -> ProcessGenerator:
    """Tell everybody below, who answer nothing; return the critical path."""
    children, inbox = loop.membership.present(node), loop.inboxes.setdefault(node.name, Inbox(loop.env))
    for child in children:
        loop.corrections.told(loop.engine, child, said)
    exchanges = loop.broadcaster.tell(node, children, said, inbox)
    heard = [
        loop.env.process(_passed_on(loop, exchange.child, said, exchange.hears, iteration))
        for exchange in exchanges
    ]
    yield loop.env.all_of(heard)
    ends = [cast("tuple[float, Path]", one.value) for one in heard]
    return max(ends, key=lambda end: end[0], default=(0.0, Path.none(loop.algorithm.depth)))[1]


def _passed_on(
    loop: Loop, child: Node, said: ReceivedModel, hears: simpy.Event, iteration: IterationIndex
) -> ProcessGenerator:
    began_s, path, trace = loop.env.now, Path.none(loop.algorithm.depth), loop.transport.trace
    trace.at(child, HEARING, began_s)
    yield hears
    heard_s = loop.env.now
    trace.at(child, BUSY, heard_s)
    if child.level:
        path = yield from spread(loop, child, said, iteration)
    trace.at(child, None, loop.env.now)
    return loop.env.now, path.over(child.level + 1, heard_s - began_s, 0.0)
