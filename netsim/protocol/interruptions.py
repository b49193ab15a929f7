"""What may come between a node and its work: interrupts and their causes, links that are down, slowness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import simpy

from learning.algorithms.algorithm import Layer
from learning.compressors import Plain, shares_memory
from netsim.topology import Node

if TYPE_CHECKING:
    from netsim.protocol.exchange import Exchange, ProcessGenerator
    from netsim.protocol.loop import Loop

Before: TypeAlias = Callable[[Node], None]
"""Told of a node's aggregation before it begins: the tree below it may change now."""

Pace: TypeAlias = Callable[[Node, float, float], float]
"""Seconds that work of so many takes a device if it begins at an instant."""

UNNOTICED = "unnoticed"
"""Cause of an interrupt of which the parent does not know yet: the conversation stays until it is interrupted again."""

STALL = "stall"
"""Cause of an interrupt of an upload that goes on once its link is up again."""


def unchanging(node: Node) -> None:
    """Nothing happens before an aggregation."""


def undisturbed(device: Node, seconds: float, at_s: float) -> float:
    """Work takes what it takes."""
    return seconds


def upload(loop: Loop, node: Node, layer: Layer, exchange: Exchange, bits: int) -> ProcessGenerator:
    """Send an answer until all has arrived; on a link that is down it waits, or fails: then `exchange.sent` stays None.

    A child whose compressor shares a memory with its parent sends that too where the parent is new: 32 bits a number.
    """
    child = exchange.child
    if child.name in loop.membership.owing and shares_memory(layer.up):
        bits += Plain().bits(loop.engine.dim)
    while True:
        outage = loop.membership.outages.get(child.name)
        if outage is not None and not outage.stalls:
            return
        if outage is not None:
            yield outage.over
            continue
        exchange.sent, arrived = loop.transport.reply(node, exchange.uplink, child, bits)
        try:
            yield arrived
            return
        except simpy.Interrupt as stop:
            if stop.cause != STALL:
                raise
            bits = loop.transport.paused(exchange.sent)
