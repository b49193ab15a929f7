"""Transport: puts broadcasts and uploads on links, records them in the trace and charges their energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakSet

import simpy

from netsim.energy.meter import Meter
from netsim.network import DownlinkMessage, Link, ParentLinks, Transfer
from netsim.network.media import discard_callbacks
from netsim.protocol.trace import Message, Trace
from netsim.results.receivers import ALL_CHILDREN, format_receivers
from netsim.topology import Node


class InFlight(NamedTuple):
    """A message that was sent: its row in the trace, its sizes, and its transfers on the links."""

    row: int
    message: Message
    sent: DownlinkMessage | Transfer

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """One transfer for an upload or a broadcast, one per receiver for unicast."""
        return self.sent.parts if isinstance(self.sent, DownlinkMessage) else (self.sent,)


@dataclass(frozen=True)
class Transport:
    """Sends messages; cancelled and paused ones count with the bits that were sent by then."""

    env: simpy.Environment
    trace: Trace
    meter: Meter | None = None
    _cancelled: WeakSet[simpy.Event] = field(default_factory=WeakSet)
    """`served` events of cancelled transfers."""

    def send_down(
        self, node: Node, ports: ParentLinks, children: Sequence[Node], positions: Sequence[int], bits: int
    ) -> tuple[InFlight, Sequence[simpy.Event]]:
        """Send a message of `node` to children at `positions` of its ports; return it and the arrival events."""
        to_all = len(positions) == len(ports.up)
        sent = ports.down.send(bits, None if to_all else positions)
        sizes = bits * sent.transfers, sent.wire_bits, sent.airtime_s
        receivers = ALL_CHILDREN if to_all else format_receivers(child.name for child in children)
        message = Message(node.level, "down", node.name, receivers, len(children), *sizes, self.env.now, True)
        row = self.trace.record_sent(message)
        for event in sent.arrivals:
            self._record_at(event, row, delivered=True)
        if self.meter is not None:
            groups = [children] if sent.transfers == 1 else [(child,) for child in children]
            for transfer, group in zip(sent.parts, groups, strict=True):
                self.meter.start_transfer(node.level, node, group, transfer, whole_band=ports.down.broadcast)
        return InFlight(row, message, sent), sent.arrivals

    def send_up(self, node: Node, link: Link, child: Node, bits: int) -> tuple[InFlight, simpy.Event]:
        """Send a message of `child` to `node`; return it and the event of its arrival (or of its loss)."""
        sent = link.send(bits)
        sizes = bits, sent.wire_bits, sent.airtime_s
        message = Message(node.level, "up", child.name, node.name, 1, *sizes, self.env.now, sent.delivered)
        row = self.trace.record_sent(message)
        self._record_at(sent.arrived, row, delivered=sent.delivered)
        if self.meter is not None:
            self.meter.start_transfer(node.level, child, (node,), sent)
        return InFlight(row, message, sent), sent.arrived

    def cancel(self, in_flight: InFlight) -> None:
        """Stop a message; without effect once it has arrived at all receivers."""
        transfers = in_flight.transfers
        if self.is_finished(in_flight):
            return
        unsent = [self._cancel_transfer(transfer) for transfer in transfers]
        for arrived in in_flight.sent.arrivals if isinstance(in_flight.sent, DownlinkMessage) else ():
            discard_callbacks(arrived)
        self._subtract(in_flight, transfers, unsent)
        self.trace.record_cancelled(in_flight.row, self.env.now, fully_sent=not any(unsent))

    def cancel_all(self, messages: Sequence[InFlight]) -> None:
        """Stop several messages."""
        for in_flight in messages:
            self.cancel(in_flight)

    def is_finished(self, in_flight: InFlight) -> bool:
        """Return whether the message has arrived at all receivers or was cancelled."""
        return all(
            transfer.arrived.processed or transfer.served in self._cancelled
            for transfer in in_flight.transfers
        )

    def _cancel_transfer(self, transfer: Transfer) -> float:
        """Cancel a transfer; return the fraction of it that is not sent because of that."""
        if transfer.served in self._cancelled:
            return 0.0
        unsent = 0.0
        if not transfer.served.processed:
            unsent = transfer.remaining_s() / transfer.airtime_s if transfer.airtime_s else 0.0
            self._cancelled.add(transfer.served)
        if self.meter is not None:
            self.meter.cancel_transfer(transfer)
        transfer.cancel()
        return unsent

    def _subtract(self, in_flight: InFlight, transfers: Sequence[Transfer], unsent: Sequence[float]) -> None:
        """Subtract the unsent fraction of each transfer from the message's row."""
        if not any(unsent):
            return
        message, count = in_flight.message, len(transfers)
        payload_bits = sum(round(message.payload_bits / count * share) for share in unsent)
        wire_bits = sum(round(one.wire_bits * share) for one, share in zip(transfers, unsent, strict=True))
        airtime_s = sum(one.airtime_s * share for one, share in zip(transfers, unsent, strict=True))
        self.trace.record_unsent(in_flight.row, message, payload_bits, wire_bits, airtime_s)

    def is_transmitting(self, in_flight: InFlight, receiver: int = 0) -> bool:
        """Return whether bits of the message (for unicast: to that receiver) are still to be sent."""
        transfers = in_flight.transfers
        return not transfers[receiver if len(transfers) > 1 else 0].served.processed

    def pause(self, in_flight: InFlight) -> int:
        """Stop an upload that will be resumed by a new message; return the payload bits that are still to be sent."""
        sent = in_flight.sent
        assert isinstance(sent, Transfer)
        unsent = sent.remaining_s() / sent.airtime_s if sent.airtime_s else 1.0
        self.cancel(in_flight)
        return max(1, round(in_flight.message.payload_bits * unsent))

    def stop_receiving(self, in_flight: InFlight | None, receiver: int) -> None:
        """Stop the transfer to one receiver of a unicast message; a broadcast continues for the other receivers."""
        if in_flight is None or not isinstance(in_flight.sent, DownlinkMessage):
            return
        if in_flight.message.receivers > in_flight.sent.transfers:
            return
        transfers = in_flight.transfers
        unsent = [self._cancel_transfer(one) if k == receiver else 0.0 for k, one in enumerate(transfers)]
        self._subtract(in_flight, transfers, unsent)
        if all(one.served in self._cancelled for one in transfers):
            self.trace.record_cancelled(in_flight.row, self.env.now, fully_sent=False)

    def _record_at(self, event: simpy.Event, row: int, *, delivered: bool) -> None:
        """Record the arrival in the message's row when `event` fires, before any waiting process continues."""
        assert event.callbacks is not None
        event.callbacks.append(lambda _: self.trace.record_arrival(row, self.env.now, delivered=delivered))
