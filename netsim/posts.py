"""What nodes put on their links: broadcasts and answers, written into the trace and metered as they happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import simpy

from netsim.meter import Meter
from netsim.network import Link, Ports, Sent, Transfer
from netsim.topology import Node
from netsim.trace import Message, Trace


class Posted(NamedTuple):
    """A message under way: its row in the trace, and what the links know of it."""

    place: int
    message: Message
    sent: Sent | Transfer


@dataclass(frozen=True)
class Posts:
    """Puts messages on links."""

    env: simpy.Environment
    trace: Trace
    meter: Meter | None = None

    def speak(
        self, node: Node, ports: Ports, children: Sequence[Node], places: Sequence[int], bits: int
    ) -> tuple[Posted, Sequence[simpy.Event]]:
        """A message of `node` to some children, who stand at `places` of its ports; when each hears it."""
        sent = ports.down.send(bits, None if len(places) == len(ports.up) else places)
        sizes = bits * sent.transfers, sent.wire_bits, sent.airtime_s
        message = Message(node.level, "down", node.name, "*", len(children), *sizes, self.env.now, True)
        place = self.trace.sent(message)
        for event in sent.arrivals:
            self._stamp(event, place, delivered=True)
        if self.meter is not None:
            hearers = [children] if sent.transfers == 1 else [(child,) for child in children]
            for one, those in zip(sent.each, hearers, strict=True):
                self.meter.begun(node.level, node, those, one)
        return Posted(place, message, sent), sent.arrivals

    def reply(self, node: Node, link: Link, child: Node, bits: int) -> tuple[Posted, simpy.Event]:
        """An answer of `child` to `node` over its uplink; when it is there, or missed."""
        sent = link.send(bits)
        sizes = bits, sent.wire_bits, sent.airtime_s
        message = Message(node.level, "up", child.name, node.name, 1, *sizes, self.env.now, sent.delivered)
        place = self.trace.sent(message)
        self._stamp(sent.arrived, place, delivered=sent.delivered)
        if self.meter is not None:
            self.meter.begun(node.level, child, (node,), sent)
        return Posted(place, message, sent), sent.arrived

    def drop(self, posted: Posted) -> None:
        """Give up a message that nobody waits for any more; without effect once it has arrived."""
        each = posted.sent.each if isinstance(posted.sent, Sent) else (posted.sent,)
        if all(transfer.arrived.processed for transfer in each):
            return
        whole_s = sum(transfer.airtime_s for transfer in each)
        left_s = sum(transfer.left_s() for transfer in each if not transfer.served.processed)
        if self.meter is not None:
            for transfer in each:
                self.meter.cancelled(transfer)
        posted.sent.cancel()
        self.trace.dropped(
            posted.place, posted.message, 1.0 - left_s / whole_s if whole_s else 1.0, self.env.now
        )

    def unheard(self, posted: Posted | None, k: int) -> None:
        """The k-th receiver listens no longer: a transfer of its own stops, a broadcast goes on for the others."""
        if posted is None or not isinstance(posted.sent, Sent) or posted.sent.transfers == 1:
            return
        mine, message = posted.sent.each[k], posted.message
        left = 0.0 if mine.served.processed or not mine.airtime_s else mine.left_s() / mine.airtime_s
        if self.meter is not None:
            self.meter.cancelled(mine)
        mine.cancel()
        payload_bits = message.payload_bits // posted.sent.transfers
        self.trace.shortened(
            posted.place,
            message,
            round(payload_bits * left),
            round(mine.wire_bits * left),
            mine.airtime_s * left,
        )

    def _stamp(self, event: simpy.Event, place: int, *, delivered: bool) -> None:
        """Write the arrival into the message's row, before anybody who waits for it goes on."""
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self.trace.arrived(place, self.env.now, delivered=delivered))
