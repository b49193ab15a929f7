"""Messages on links: headers, airtime, service by a medium, then latency."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import simpy

from netsim.network.channel import Channel
from netsim.network.media import Medium, silence
from netsim.network.message_loss import HOPELESS, DeliveryAttempts, Identity, Loss, NoLoss, attempt
from netsim.network.packets import Packets
from netsim.topology import Node


@dataclass(frozen=True, eq=False, slots=True)
class Transfer:
    """One message under way to one receiver; repetitions after losses are part of it."""

    arrived: simpy.Event
    """Fires when the last bit is there: service, then latency. It fires for an erased message too, when its
    airtime and latency are over: what is missing is missed then, not earlier."""
    wire_bits: int
    """Headers and repetitions included."""
    airtime_s: float
    """Seconds of sole use of the medium (not the time it took, which sharing stretches)."""
    served: simpy.Event
    """Fires when the medium is through with it."""
    medium: Medium
    delivered: bool = True
    """False: erased on its way up. Downlinks always deliver."""

    def left_s(self) -> float:
        """Seconds of sole use that it still lacks now, of `airtime_s`."""
        return self.medium.left_s(self.served)

    def cancel(self) -> None:
        """End it now: its medium is free for others, and nobody is told. Without effect once it has arrived."""
        self.medium.cancel(self.served)
        silence(self.arrived)


@dataclass(frozen=True, eq=False, slots=True)
class Sent:
    """One message of a parent under way to its children, or to some of them."""

    arrivals: list[simpy.Event]
    """In the order of its receivers."""
    wire_bits: int
    """Over all transfers."""
    transfers: int
    """1 for a broadcast, one per child for unicast."""
    airtime_s: float
    """Seconds of sole use over all transfers."""
    each: tuple[Transfer, ...]
    """The transfers themselves: one per child for unicast; a broadcast is one, arriving at the last child."""

    def cancel(self) -> None:
        """End all of it now."""
        for transfer in self.each:
            transfer.cancel()
        for arrived in self.arrivals:
            silence(arrived)


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """One direction of one child's link. Latency does not occupy the medium; repetitions do.

    Raises:
        ValueError: a loss without identity, or without the SNR it needs, or a downlink that would hardly
            ever get a message through.
    """

    env: simpy.Environment
    channel: Channel
    medium: Medium
    latency_s: float
    packets: Packets
    weight: float = 1.0
    """Share of the medium among simultaneous transfers."""
    loss: Loss = field(default_factory=NoLoss)
    identity: Identity | None = None
    """Whose draws these are; needed where messages can be lost."""
    snr: float | None = None
    """Mean, linear; for losses that depend on it."""
    cap: float = 1.0
    """Largest fraction of the medium one transfer can use: own access rate / trunk rate."""
    error_rate: float = field(init=False)
    """Of one attempt of one unit (packet or message)."""
    _numbers: Iterator[int] = field(init=False, default_factory=itertools.count)

    def __post_init__(self) -> None:
        name = self.identity.name if self.identity else "this link"
        try:
            object.__setattr__(self, "error_rate", self.loss.failure(self.snr))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if self.error_rate > 0 and self.identity is None:
            raise ValueError(f"a link with loss ({self.loss.describe()}) needs an identity to key its draws")
        if self.error_rate > HOPELESS and self._repeats:
            raise ValueError(
                f"{name} loses {self.error_rate:.4g} of its downlink messages (at most {HOPELESS:g}), and a "
                "downlink repeats until it has arrived; move the device, raise the power, or change the loss"
            )

    @property
    def _repeats(self) -> bool:
        return self.identity is not None and self.identity.direction == "down"

    def airtime_s(self, payload_bits: int, at_s: float) -> float:
        """Seconds of sole use of one attempt at a message when its service begins at `at_s`."""
        return self.channel.airtime_s(self.packets.wire_bits(payload_bits), at_s)

    def send(self, payload_bits: int) -> Transfer:
        """Put a message on the link now."""
        tries, share = self.tries(payload_bits, [self.error_rate])
        wire_bits = round(self.packets.wire_bits(payload_bits) * share)
        airtime_s = self.channel.airtime_s(wire_bits, self.env.now)
        served = self.medium.serve(airtime_s, self.weight, self.cap)
        late_s = self.latency_s + (tries.rounds - 1) * self.loss.retry_latency
        arrived, delivered = _later(served, late_s), tries.missing == 0
        return Transfer(arrived, wire_bits, airtime_s, served, self.medium, delivered)

    def tries(self, payload_bits: int, error_rates: Sequence[float]) -> tuple[DeliveryAttempts, float]:
        """What the channel does to the link's next message, and (units sent, repetitions included) / units.

        `error_rates`: of all receivers; more than one for a broadcast.
        """
        units = max(1, self.packets.count(payload_bits)) if self.loss.per == "packet" else 1
        number = next(self._numbers)
        if self.identity is None or payload_bits == 0 or not any(error_rates):
            return DeliveryAttempts(units, 1, 0), 1.0
        most = math.inf if self._repeats else self.loss.attempts
        tries = attempt(self.identity.dice(number), units, error_rates, most)
        return tries, tries.sent / units


def continued(link: Link, medium: Medium, numbers: Iterator[int]) -> Link:
    """A link on another medium whose messages are numbered on: a rebuilt one repeats no dice."""
    moved = replace(link, medium=medium)
    object.__setattr__(moved, "_numbers", numbers)
    return moved


@dataclass(frozen=True, eq=False)
class Downlink:
    """One parent's downlink to all its children, in child order.

    Broadcast is one transfer at the worst child's airtime, then each child's own latency; unicast is one
    transfer per child, all begun at once.

    Raises:
        ValueError: no links, or a broadcast over links that do not share one medium.
    """

    links: Sequence[Link]
    broadcast: bool

    def __post_init__(self) -> None:
        if not self.links:
            raise ValueError("a downlink needs at least one child, got none")
        if self.broadcast and any(link.medium is not self.links[0].medium for link in self.links):
            raise ValueError("a broadcast needs one medium, but the children's differ; use unicast")

    def airtime_s(self, payload_bits: int, at_s: float) -> float:
        """Seconds of sole use over all transfers of one message."""
        airtimes = [link.airtime_s(payload_bits, at_s) for link in self.links]
        return max(airtimes) if self.broadcast else sum(airtimes)

    def send(self, payload_bits: int, to: Sequence[int] | None = None) -> Sent:
        """Say a message now, to all children or to those at the places `to`, in this order."""
        links = self.links if to is None else [self.links[place] for place in to]
        if self.broadcast:
            return _broadcast(links, payload_bits)
        each = tuple(link.send(payload_bits) for link in links)
        arrivals = [transfer.arrived for transfer in each]
        wire_bits = sum(transfer.wire_bits for transfer in each)
        return Sent(arrivals, wire_bits, len(each), sum(transfer.airtime_s for transfer in each), each)


def _broadcast(links: Sequence[Link], payload_bits: int) -> Sent:
    """One transfer, over when its last receiver has every packet; the first one's dice are thrown."""
    first, now = links[0], links[0].env.now
    tries, share = first.tries(payload_bits, [link.error_rate for link in links])
    sizes = [round(link.packets.wire_bits(payload_bits) * share) for link in links]
    airtime_s = max(link.channel.airtime_s(b, now) for link, b in zip(links, sizes, strict=True))
    served = first.medium.serve(airtime_s, first.weight, min(link.cap for link in links))
    more_s = (tries.rounds - 1) * first.loss.retry_latency
    delays_s = {link.latency_s + more_s for link in links}
    by_delay = {delay_s: _later(served, delay_s) for delay_s in delays_s}
    arrivals = [by_delay[link.latency_s + more_s] for link in links]
    last = by_delay[max(by_delay)]
    whole = Transfer(last, max(sizes), airtime_s, served, first.medium)
    return Sent(arrivals, max(sizes), 1, airtime_s, (whole,))


@dataclass(frozen=True, eq=False)
class Ports:
    """What one parent and its children talk through."""

    up: list[Link]
    """In child order."""
    down: Downlink


class LayerNetwork(Protocol):
    """What `network[n]` names: the model of a layer's links."""

    def connect(self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int) -> Ports:
        """Build the links between a parent and its children; every parent has its own media.

        Raises:
            ValueError: a distance is missing or not covered, naming the child.
        """
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


class _Later(simpy.Event):
    """Fires some time after another event."""

    def __init__(self, after: simpy.Event, delay_s: float) -> None:
        super().__init__(after.env)
        self._delay_s = delay_s
        after.callbacks.append(self._arm)

    def _arm(self, after: simpy.Event) -> None:
        self._ok, self._value = after._ok, after._value
        self.env.schedule(self, delay=self._delay_s)


def _later(served: simpy.Event, delay_s: float) -> simpy.Event:
    return _Later(served, delay_s) if delay_s > 0 else served
