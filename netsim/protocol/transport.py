"""What nodes put on their links: broadcasts and answers, written into the trace and metered as they happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakSet

import simpy

from netsim.energy.meter import Meter
from netsim.network import Link, Ports, Sent, Transfer
from netsim.network.media import silence
from netsim.protocol.trace import Message, Trace
from netsim.results.addressing import EVERYBODY, addressed
from netsim.topology import Node


class InFlight(NamedTuple):
    """A message under way: its row in the trace, and what the links know of it."""

    place: int
    message: Message
    sent: Sent | Transfer

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Those it is made of."""
        return self.sent.each if isinstance(self.sent, Sent) else (self.sent,)


@dataclass(frozen=True)
class Transport:
    """Puts messages on links."""

    env: simpy.Environment
    trace: Trace
    meter: Meter | None = None
    _ended: WeakSet[simpy.Event] = field(default_factory=WeakSet)
    """Services of transfers that were stopped."""

    def speak(
        self, node: Node, ports: Ports, children: Sequence[Node], places: Sequence[int], bits: int
    ) -> tuple[InFlight, Sequence[simpy.Event]]:
        """A message of `node` to some children, who stand at `places` of its ports; when each hears it."""
        sent = ports.down.send(bits, None if len(places) == len(ports.up) else places)
        sizes = bits * sent.transfers, sent.wire_bits, sent.airtime_s
        told = EVERYBODY if len(places) == len(ports.up) else addressed(child.name for child in children)
        message = Message(node.level, "down", node.name, told, len(children), *sizes, self.env.now, True)
        place = self.trace.sent(message)
        for event in sent.arrivals:
            self._stamp(event, place, delivered=True)
        if self.meter is not None:
            hearers = [children] if sent.transfers == 1 else [(child,) for child in children]
            for one, those in zip(sent.each, hearers, strict=True):
                self.meter.begun(node.level, node, those, one, whole=ports.down.broadcast)
        return InFlight(place, message, sent), sent.arrivals

    def reply(self, node: Node, link: Link, child: Node, bits: int) -> tuple[InFlight, simpy.Event]:
        """An answer of `child` to `node` over its uplink; when it is there, or missed."""
        sent = link.send(bits)
        sizes = bits, sent.wire_bits, sent.airtime_s
        message = Message(node.level, "up", child.name, node.name, 1, *sizes, self.env.now, sent.delivered)
        place = self.trace.sent(message)
        self._stamp(sent.arrived, place, delivered=sent.delivered)
        if self.meter is not None:
            self.meter.begun(node.level, child, (node,), sent)
        return InFlight(place, message, sent), sent.arrived

    def drop(self, in_flight: InFlight) -> None:
        """Give up a message that nobody waits for any more; without effect once it has arrived."""
        each = in_flight.transfers
        if self.is_over(in_flight):
            return
        left = [self._stopped(transfer) for transfer in each]
        for arrived in in_flight.sent.arrivals if isinstance(in_flight.sent, Sent) else ():
            silence(arrived)
        self._shorten(in_flight, each, left)
        self.trace.dropped(in_flight.place, self.env.now, whole=not any(left))

    def drop_all(self, those: Sequence[InFlight]) -> None:
        """Give up several."""
        for in_flight in those:
            self.drop(in_flight)

    def is_over(self, in_flight: InFlight) -> bool:
        """Whether it has arrived everywhere, or was stopped before."""
        return all(one.arrived.processed or one.served in self._ended for one in in_flight.transfers)

    def _stopped(self, transfer: Transfer) -> float:
        """End a transfer; the share of it that is not sent because of that."""
        if transfer.served in self._ended:
            return 0.0
        left = 0.0
        if not transfer.served.processed:
            left = transfer.left_s() / transfer.airtime_s if transfer.airtime_s else 0.0
            self._ended.add(transfer.served)
        if self.meter is not None:
            self.meter.cancelled(transfer)
        transfer.cancel()
        return left

    def _shorten(self, in_flight: InFlight, each: Sequence[Transfer], left: Sequence[float]) -> None:
        """Take back what the transfers of a message do not send: so much of each."""
        message, many = in_flight.message, len(each)
        payload_bits = sum(round(message.payload_bits / many * share) for share in left)
        wire_bits = sum(round(one.wire_bits * share) for one, share in zip(each, left, strict=True))
        airtime_s = sum(one.airtime_s * share for one, share in zip(each, left, strict=True))
        if any(left):
            self.trace.shortened(in_flight.place, message, payload_bits, wire_bits, airtime_s)

    def under_way(self, in_flight: InFlight, k: int = 0) -> bool:
        """Whether something is still to be sent of the message (where everyone has a transfer: of the k-th)."""
        each = in_flight.transfers
        return not each[k if len(each) > 1 else 0].served.processed

    def paused(self, in_flight: InFlight) -> int:
        """Stop an upload that shall go on later: the payload bits that are still to be sent."""
        sent = in_flight.sent
        assert isinstance(sent, Transfer)
        left = sent.left_s() / sent.airtime_s if sent.airtime_s else 1.0
        self.drop(in_flight)
        return max(1, round(in_flight.message.payload_bits * left))

    def unheard(self, in_flight: InFlight | None, k: int) -> None:
        """The k-th receiver listens no longer: a transfer of its own stops, a broadcast goes on for the others."""
        if (
            in_flight is None
            or not isinstance(in_flight.sent, Sent)
            or in_flight.message.receivers > in_flight.sent.transfers
        ):
            return
        each = in_flight.sent.each
        left = [self._stopped(one) if i == k else 0.0 for i, one in enumerate(each)]
        self._shorten(in_flight, each, left)
        if all(one.served in self._ended for one in each):
            self.trace.dropped(in_flight.place, self.env.now, whole=False)

    def _stamp(self, event: simpy.Event, place: int, *, delivered: bool) -> None:
        """Write the arrival into the message's row, before anybody who waits for it goes on."""
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self.trace.arrived(place, self.env.now, delivered=delivered))
