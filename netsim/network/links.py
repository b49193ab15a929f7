"""Messages on links: headers, airtime, service by a medium, then latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import simpy

from netsim.network.channels import Channel
from netsim.network.media import Medium
from netsim.network.packets import Packets
from netsim.topology import Node


@dataclass(frozen=True, eq=False, slots=True)
class Transfer:
    """One message under way to one receiver."""

    arrived: simpy.Event
    """Fires when the last bit is there: service, then latency."""
    wire_bits: int
    airtime_s: float
    """Seconds of sole use of the medium (not the time it took, which sharing stretches)."""


@dataclass(frozen=True, eq=False, slots=True)
class Sent:
    """One message of a parent under way to all its children."""

    arrivals: list[simpy.Event]
    """In child order."""
    wire_bits: int
    """Over all transfers."""
    transfers: int
    """1 for a broadcast, one per child for unicast."""
    airtime_s: float
    """Seconds of sole use over all transfers."""
    each: tuple[Transfer, ...]
    """The transfers themselves: one per child for unicast; a broadcast is one, arriving at the last child."""


@dataclass(frozen=True, eq=False, slots=True)
class Link:
    """One direction of one child's link. Latency does not occupy the medium."""

    env: simpy.Environment
    channel: Channel
    medium: Medium
    latency_s: float
    packets: Packets
    weight: float = 1.0
    """Share of the medium among simultaneous transfers."""

    def airtime_s(self, payload_bits: int, at_s: float) -> float:
        """Seconds of sole use a message takes when its service begins at `at_s`."""
        return self.channel.airtime_s(self.packets.wire_bits(payload_bits), at_s)

    def send(self, payload_bits: int) -> Transfer:
        """Put a message on the link now."""
        wire_bits = self.packets.wire_bits(payload_bits)
        airtime_s = self.channel.airtime_s(wire_bits, self.env.now)
        served = self.medium.serve(airtime_s, self.weight)
        return Transfer(_later(served, self.latency_s), wire_bits, airtime_s)


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

    def send(self, payload_bits: int) -> Sent:
        """Say a message to all children now."""
        if self.broadcast:
            return self._broadcast(payload_bits)
        each = tuple(link.send(payload_bits) for link in self.links)
        arrivals = [transfer.arrived for transfer in each]
        wire_bits = sum(transfer.wire_bits for transfer in each)
        return Sent(arrivals, wire_bits, len(each), sum(transfer.airtime_s for transfer in each), each)

    def _broadcast(self, payload_bits: int) -> Sent:
        worst = self.links[0]
        wire_bits = max(link.packets.wire_bits(payload_bits) for link in self.links)
        airtime_s = self.airtime_s(payload_bits, worst.env.now)
        served = worst.medium.serve(airtime_s, worst.weight)
        by_latency = {delay_s: _later(served, delay_s) for delay_s in {link.latency_s for link in self.links}}
        arrivals = [by_latency[link.latency_s] for link in self.links]
        last = by_latency[max(by_latency)]
        return Sent(arrivals, wire_bits, 1, airtime_s, (Transfer(last, wire_bits, airtime_s),))


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
