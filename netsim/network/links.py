"""Messages on links: headers, airtime, service by a medium, latency, losses and repetitions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import simpy

from netsim.network.channel import Channel
from netsim.network.media import Medium, discard_callbacks
from netsim.network.message_loss import (
    MAX_ERROR_RATE,
    DeliveryAttempts,
    LinkIdentity,
    Loss,
    NoLoss,
    simulate_attempts,
)
from netsim.network.packets import Packets
from netsim.topology import Node


@dataclass(frozen=True, eq=False, slots=True)
class Transfer:
    """One message being sent to one receiver, including its repetitions after losses."""

    arrived: simpy.Event
    """Fires after service and latency. It also fires for an erased message, at the time the message would have
    arrived: the receiver detects the loss no earlier."""
    wire_bits: int
    """Bits on the wire, including headers and repetitions."""
    airtime_s: float
    """Transmission time at the full rate, s; contention makes the actual time longer."""
    served: simpy.Event
    """Fires when the medium has served the transfer."""
    medium: Medium
    delivered: bool = True
    """False for an uplink message that is lost. Downlink messages are always delivered."""

    def remaining_s(self) -> float:
        """Remaining airtime now, s, between `airtime_s` and 0."""
        return self.medium.remaining_s(self.served)

    def cancel(self) -> None:
        """Stop the transfer and free its medium; its events run no callbacks. Without effect after its arrival."""
        self.medium.cancel(self.served)
        discard_callbacks(self.arrived)


@dataclass(frozen=True, eq=False, slots=True)
class DownlinkMessage:
    """One message from a parent to all or some of its children."""

    arrivals: list[simpy.Event]
    """Arrival at each receiver, in the order of the receivers."""
    wire_bits: int
    """Sum over all transfers."""
    airtime_s: float
    """Sum over all transfers, s."""
    parts: tuple[Transfer, ...]
    """The transfers: one per child for unicast; a single one for broadcast, which arrives with its last receiver."""

    @property
    def transfers(self) -> int:
        """Number of transfers: 1 for broadcast, one per receiver for unicast."""
        return len(self.parts)

    def cancel(self) -> None:
        """Stop all transfers; their events run no callbacks."""
        for transfer in self.parts:
            transfer.cancel()
        for arrived in self.arrivals:
            discard_callbacks(arrived)


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """One direction of the link of one child. Latency does not occupy the medium; repetitions do.

    Raises:
        ValueError: a loss model without an identity or without the SNR that it needs, or a downlink whose error
            rate is too high for repetition until delivery.
    """

    env: simpy.Environment
    channel: Channel
    medium: Medium
    latency_s: float
    packets: Packets
    weight: float = 1.0
    """Share of the medium relative to simultaneous transfers."""
    loss: Loss = field(default_factory=NoLoss)
    identity: LinkIdentity | None = None
    """Key of the random draws; required if messages can be lost."""
    snr: float | None = None
    """Mean SNR, linear; for loss models that depend on it."""
    cap: float = 1.0
    """Largest fraction of the medium that one transfer can use: access rate / rate of the shared link."""
    error_rate: float = field(init=False)
    """Error probability of one attempt of one unit (packet or message)."""
    _numbers: Iterator[int] = field(init=False, default_factory=itertools.count)

    def __post_init__(self) -> None:
        name = self.identity.name if self.identity else "this link"
        try:
            object.__setattr__(self, "error_rate", self.loss.error_probability(self.snr))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if self.error_rate > 0 and self.identity is None:
            raise ValueError(f"a link with loss ({self.loss.describe()}) needs an identity to key its draws")
        if self.error_rate > MAX_ERROR_RATE and self._repeats:
            raise ValueError(
                f"{name} loses {self.error_rate:.4g} of its downlink messages (at most {MAX_ERROR_RATE:g}), and a "
                "downlink repeats until it has arrived; move the device, raise the power, or change the loss"
            )

    @property
    def _repeats(self) -> bool:
        return self.identity is not None and self.identity.direction == "down"

    def airtime_s(self, payload_bits: int, at_s: float) -> float:
        """Airtime of one attempt of a message whose service starts at `at_s`, s."""
        return self.channel.airtime_s(self.packets.wire_bits(payload_bits), at_s)

    def send(self, payload_bits: int) -> Transfer:
        """Start the transfer of a message now."""
        attempts, share = self.draw_attempts(payload_bits, [self.error_rate])
        wire_bits = round(self.packets.wire_bits(payload_bits) * share)
        airtime_s = self.channel.airtime_s(wire_bits, self.env.now)
        served = self.medium.serve(airtime_s, self.weight, self.cap)
        delay_s = self.latency_s + (attempts.rounds - 1) * self.loss.retry_latency
        arrived, delivered = _delay(served, delay_s), attempts.missing == 0
        return Transfer(arrived, wire_bits, airtime_s, served, self.medium, delivered)

    def draw_attempts(
        self, payload_bits: int, error_rates: Sequence[float]
    ) -> tuple[DeliveryAttempts, float]:
        """The delivery attempts of the link's next message, and (units sent, repetitions included) / units.

        `error_rates`: one per receiver; several for a broadcast.
        """
        units = max(1, self.packets.count(payload_bits)) if self.loss.per == "packet" else 1
        number = next(self._numbers)
        if self.identity is None or payload_bits == 0 or not any(error_rates):
            return DeliveryAttempts(units, 1, 0), 1.0
        max_attempts = math.inf if self._repeats else self.loss.attempts
        attempts = simulate_attempts(self.identity.generator(number), units, error_rates, max_attempts)
        return attempts, attempts.sent / units


def move_to_medium(link: Link, medium: Medium, numbers: Iterator[int]) -> Link:
    """The same link on another medium; its messages continue the numbering, so that no random draw is used twice."""
    moved = replace(link, medium=medium)
    object.__setattr__(moved, "_numbers", numbers)
    return moved


@dataclass(frozen=True, eq=False)
class Downlink:
    """The downlink of one parent to all its children, in child order.

    Broadcast is one transfer with the largest airtime of its receivers, followed by the latency of each child; unicast
    is one transfer per child, all started at once.

    Raises:
        ValueError: no links, or a broadcast over links on different media.
    """

    links: Sequence[Link]
    broadcast: bool

    def __post_init__(self) -> None:
        if not self.links:
            raise ValueError("a downlink needs at least one child, got none")
        if self.broadcast and any(link.medium is not self.links[0].medium for link in self.links):
            raise ValueError("a broadcast needs one medium, but the children's differ; use unicast")

    def airtime_s(self, payload_bits: int, at_s: float) -> float:
        """Airtime of one message, summed over its transfers, s."""
        airtimes = [link.airtime_s(payload_bits, at_s) for link in self.links]
        return max(airtimes) if self.broadcast else sum(airtimes)

    def send(self, payload_bits: int, to: Sequence[int] | None = None) -> DownlinkMessage:
        """Start a message now to all children, or to those with the indices `to`, in this order."""
        links = self.links if to is None else [self.links[index] for index in to]
        if self.broadcast:
            return _broadcast(links, payload_bits)
        parts = tuple(link.send(payload_bits) for link in links)
        arrivals = [transfer.arrived for transfer in parts]
        wire_bits = sum(transfer.wire_bits for transfer in parts)
        return DownlinkMessage(arrivals, wire_bits, sum(transfer.airtime_s for transfer in parts), parts)


def _broadcast(links: Sequence[Link], payload_bits: int) -> DownlinkMessage:
    """One transfer that ends when every receiver has every packet; its draws are keyed by the first link."""
    first, now = links[0], links[0].env.now
    attempts, share = first.draw_attempts(payload_bits, [link.error_rate for link in links])
    sizes = [round(link.packets.wire_bits(payload_bits) * share) for link in links]
    airtime_s = max(link.channel.airtime_s(b, now) for link, b in zip(links, sizes, strict=True))
    served = first.medium.serve(airtime_s, first.weight, min(link.cap for link in links))
    retry_s = (attempts.rounds - 1) * first.loss.retry_latency
    delays_s = {link.latency_s + retry_s for link in links}
    by_delay = {delay_s: _delay(served, delay_s) for delay_s in delays_s}
    arrivals = [by_delay[link.latency_s + retry_s] for link in links]
    last = by_delay[max(by_delay)]
    transfer = Transfer(last, max(sizes), airtime_s, served, first.medium)
    return DownlinkMessage(arrivals, max(sizes), airtime_s, (transfer,))


@dataclass(frozen=True, eq=False)
class ParentLinks:
    """The links between one parent and its children."""

    up: list[Link]
    """Uplinks, in child order."""
    down: Downlink


class LayerNetwork(Protocol):
    """The link model of one layer: an entry of `network`."""

    def connect(
        self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int
    ) -> ParentLinks:
        """Build the links between a parent and its children; each parent has its own media.

        Raises:
            ValueError: a distance is missing or outside the model's range; the message names the child.
        """
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


class _DelayedEvent(simpy.Event):
    """An event that fires a fixed time after another event."""

    def __init__(self, after: simpy.Event, delay_s: float) -> None:
        super().__init__(after.env)
        self._delay_s = delay_s
        after.callbacks.append(self._arm)

    def _arm(self, after: simpy.Event) -> None:
        self._ok, self._value = after._ok, after._value
        self.env.schedule(self, delay=self._delay_s)


def _delay(served: simpy.Event, delay_s: float) -> simpy.Event:
    return _DelayedEvent(served, delay_s) if delay_s > 0 else served
