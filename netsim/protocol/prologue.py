"""Distribution of a model to all nodes below without answers, as a prologue does with its result."""

from __future__ import annotations

from typing import cast

import simpy

from learning.engine import Engine
from netsim.protocol.corrections import BroadcastModel, Corrections
from netsim.protocol.exchange import ProcessGenerator
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.trace import RECEIVING, WORKING, Path
from netsim.topology import Node


def distribute(
    exchanges: ExchangeRunner, engine: Engine, corrections: Corrections, node: Node, model: BroadcastModel
) -> ProcessGenerator:
    """Send a model to all nodes below `node`, and update their corrections by it; return the critical path."""
    children = exchanges.membership.available_children(node)
    for child in children:
        corrections.apply(engine, child, model)
    sent = exchanges.broadcaster.broadcast(node, children, model, exchanges.inbox(node))
    forwards = [
        exchanges.env.process(_forward(exchanges, engine, corrections, one.child, model, one.arrival))
        for one in sent
    ]
    yield exchanges.env.all_of(forwards)
    ends = [cast("tuple[float, Path]", forward.value) for forward in forwards]
    empty = Path.empty(exchanges.broadcaster.depth)
    return max(ends, key=lambda end: end[0], default=(0.0, empty))[1]


def _forward(
    exchanges: ExchangeRunner,
    engine: Engine,
    corrections: Corrections,
    child: Node,
    model: BroadcastModel,
    arrival: simpy.Event,
) -> ProcessGenerator:
    """Receive the model at `child` and send it on; return the instant of its end and its critical path."""
    env, trace = exchanges.env, exchanges.trace
    began_s, path = env.now, Path.empty(exchanges.broadcaster.depth)
    trace.set_activity(child, RECEIVING, began_s)
    yield arrival
    received_s = env.now
    trace.set_activity(child, WORKING, received_s)
    if child.level:
        path = yield from distribute(exchanges, engine, corrections, child, model)
    trace.set_activity(child, None, env.now)
    return env.now, path.plus_transfers(child.level + 1, received_s - began_s, 0.0)
