"""Runs exchanges as processes of the event loop: receive, work, upload; and aborts those that are interrupted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import simpy

from learning.algorithms.layer import Layer
from learning.compressors import Plain, shares_memory
from netsim.protocol.broadcast import Broadcaster
from netsim.protocol.exchange import Exchange, Inbox, ProcessGenerator, at_this_instant
from netsim.protocol.membership import Membership
from netsim.protocol.trace import RECEIVING, SENDING, WORKING, Trace
from netsim.protocol.transport import Transport
from netsim.topology import Node

NOT_DETECTED = "not detected"
"""Cause of an interrupt that the parent has not detected: the exchange stays until it is interrupted again."""

STALL = "stall"
"""Cause of an interrupt of an upload that continues once its link is up again."""


@dataclass(frozen=True)
class ExchangeRunner:
    """Runs and aborts exchanges: `active` by the child that works on it, `inboxes` by parent."""

    env: simpy.Environment
    broadcaster: Broadcaster
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    active: dict[str, Exchange] = field(default_factory=dict)

    @property
    def membership(self) -> Membership:
        """Children, links and weights."""
        return self.broadcaster.membership

    @property
    def transport(self) -> Transport:
        """Sends messages."""
        return self.broadcaster.transport

    @property
    def trace(self) -> Trace:
        """Records messages and activities."""
        return self.transport.trace

    def inbox(self, node: Node) -> Inbox:
        """Return the inbox of `node`."""
        return self.inboxes.setdefault(node.name, Inbox(self.env))

    def start(self, inbox: Inbox, exchange: Exchange, steps: ProcessGenerator) -> None:
        """Start an exchange, whose child does `steps`, and add it to the parent's inbox."""
        inbox.add(exchange, self.env.process(self._run(exchange, steps)))

    def _run(self, exchange: Exchange, steps: ProcessGenerator) -> ProcessGenerator:
        """Do `steps` until they end or are interrupted; return the exchange."""
        child = exchange.child
        self.active[child.name] = exchange
        self.trace.set_activity(child, RECEIVING, exchange.began_s)
        try:
            yield from steps
        except simpy.Interrupt as interrupt:
            self._abort(exchange)
            if interrupt.cause == NOT_DETECTED:
                with suppress(simpy.Interrupt):
                    yield self.env.event()
        if self.active.get(child.name) is exchange:
            del self.active[child.name]
        exchange.finished_s = self.env.now
        if exchange.answer is None and not exchange.path.total_s:
            exchange.path = exchange.path.plus_wait(exchange.finished_s - exchange.began_s)
        self.trace.set_activity(child, None, exchange.finished_s)
        return exchange

    def receive(self, exchange: Exchange) -> ProcessGenerator:
        """Wait until the child has the broadcast; return that instant. A child that is down waits forever."""
        if exchange.child.name in self.membership.undetected_failures:
            yield self.env.event()
        yield exchange.arrival
        exchange.phase = "work"
        self.trace.set_activity(exchange.child, WORKING, self.env.now)
        return self.env.now

    def upload(self, parent: Node, layer: Layer, exchange: Exchange, bits: int) -> ProcessGenerator:
        """Send the child's answer until all of it has arrived; return whether it was delivered.

        If the link is down, the upload stalls or fails. A child whose compressor shares its memory with the parent
        sends this memory too (32 bits per number) to a parent that lacks it. Source: our model.
        """
        child, exchange.phase = exchange.child, "send"
        self.trace.set_activity(child, SENDING, self.env.now)
        if child.name in self.membership.memory_transfers_due and shares_memory(layer.up):
            bits += Plain().bits(self.broadcaster.dim)
        while True:
            outage = self.membership.outages.get(child.name)
            if outage is not None and not outage.stalls:
                return False
            if outage is not None:
                yield outage.end
                continue
            exchange.upload, arrived = self.transport.send_up(parent, exchange.uplink, child, bits)
            try:
                yield arrived
                return exchange.upload.message.delivered
            except simpy.Interrupt as interrupt:
                if interrupt.cause != STALL:
                    raise
                bits = self.transport.pause(exchange.upload)

    def interrupt(self, child: Node, cause: str | None) -> None:
        """Interrupt the exchange that `child` is working on, if any."""
        exchange = self.active.get(child.name)
        if exchange is not None and exchange.process is not None and exchange.process.is_alive:
            exchange.process.interrupt(cause)

    def _abort(self, exchange: Exchange) -> None:
        """Stop the child of an interrupted exchange and all nodes below it, and free their links."""
        child, inbox, transport = exchange.child, self.inboxes.get(exchange.child.name), self.transport
        self.trace.interrupted += 1
        self.trace.set_activity(child, None, self.env.now)
        if exchange.phase == "receive":
            self.broadcaster.abort_reception(exchange)
        elif exchange.phase == "work" and not child.level and transport.meter is not None:
            transport.meter.stop_compute(child, self.env.now)
        elif exchange.upload is not None:
            transport.cancel(exchange.upload)
        if inbox is not None:
            self.abort_all(inbox)

    def abort_all(self, inbox: Inbox) -> bool:
        """Interrupt all exchanges of an inbox and cancel its broadcasts; return whether any was unfinished."""
        any_unfinished, broadcasts = inbox.interrupt_all(), inbox.broadcasts[:]
        inbox.broadcasts.clear()
        if broadcasts:  # after all receivers have stopped
            at_this_instant(self.env).callbacks.append(lambda _: self.transport.cancel_all(broadcasts))
        return any_unfinished
