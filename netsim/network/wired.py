"""Wired links: a rate and a latency, on one trunk per parent and direction or on private lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Downlink, Link, Ports
from netsim.network.media import Medium, PrivateMedium, SharedMedium
from netsim.network.message_loss import Direction, Identity, Loss, NoLoss
from netsim.network.packets import PACKETS, Stack
from netsim.network.radio.placement import known_distance_m
from netsim.topology import Node
from netsim.topology.geography import great_circle_m
from netsim.units import RateBps, SizeBits, SpeedMps, TimeS, check_quantities, render

LATENCIES = {
    "from_distance": ("distance", "both x_m and y_m, or the edge distance_m"),
    "great_circle": ("great-circle distance", "both lat_deg and lon_deg"),
}
"""Ways to compute a latency: the distance each needs, and how a node gets it."""


@dataclass(frozen=True)
class Wired:
    """A backhaul: one trunk per parent and direction (processor sharing), or (not shared) a line per child.

    `uplink` and `downlink` replace `rate` in one direction. `latency: from_distance` is distance x
    route_factor / speed, with the distance from coordinates of both ends or the edge's `distance_m`;
    `great_circle` takes it from latitudes and longitudes. `downcast` None is broadcast on a trunk and
    unicast on private lines.

    An edge's `rate_bps` (both directions) and `latency_s` override. On a trunk a child's own rate is its
    access link: it caps the child's share (max-min fair: what it cannot use, the others get), and one above
    the trunk's changes nothing. `window` caps each transfer at window / RTT, RTT = 2 x latency (TCP in
    steady state, Mathis et al., ACM CCR 27(3), 1997; slow start and queueing are not modelled).

    Defaults: 1 Gbit/s and 10 ms, a non-ideal backhaul of 3GPP TR 36.932; light in fibre 2e8 m/s, a route
    1.5 times the straight line; no window (4 MiB is Linux's usual bound).
    """

    rate: RateBps = 1e9
    uplink: RateBps | None = None
    downlink: RateBps | None = None
    latency: TimeS | Literal["from_distance", "great_circle"] = 0.01
    speed: SpeedMps = 2e8
    route_factor: float = 1.5
    shared: bool = True
    downcast: Literal["broadcast", "unicast"] | None = None
    window: SizeBits | None = None
    loss: Loss = field(default_factory=NoLoss)
    packets: Stack = "ethernet"

    def __post_init__(self) -> None:
        check_quantities(self)
        if isinstance(self.latency, str) and self.latency not in LATENCIES:
            raise ValueError(
                f"latency must be a time, {' or '.join(LATENCIES)}, got {self.latency!r}; write e.g. 5 ms"
            )
        if not 1 <= self.route_factor < math.inf:
            raise ValueError(
                f"route_factor must be >= 1, got {self.route_factor}; 1.5 to 2 is usual for fibre"
            )
        if self.window == 0:
            raise ValueError("window must be > 0, got 0 bit; leave it out for no TCP cap")
        if self.downcast not in (None, "broadcast", "unicast"):
            raise ValueError(f"downcast must be broadcast or unicast, got {self.downcast!r}")
        if self.packets not in PACKETS:
            raise ValueError(f"packets must be one of {', '.join(PACKETS)}, got {self.packets!r}")
        if self.downcast == "broadcast" and not self.shared:
            raise ValueError("downcast must be unicast on private lines, got broadcast; or set shared: true")

    @property
    def broadcast(self) -> bool:
        """Whether one transfer reaches all children."""
        return self.shared and self.downcast != "unicast"

    def connect(self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int) -> Ports:
        """See `LayerNetwork`; only losses are drawn, message by message."""
        media: list[Medium] = [SharedMedium(env), SharedMedium(env)]
        up, down = [], []
        for child in children:
            here, there = media if self.shared else (PrivateMedium(env), PrivateMedium(env))
            up.append(self._link(env, here, parent, child, seed, "up"))
            down.append(self._link(env, there, parent, child, seed, "down"))
        return Ports(up, Downlink(down, self.broadcast))

    def _link(
        self,
        env: simpy.Environment,
        medium: Medium,
        parent: Node,
        child: Node,
        seed: int,
        direction: Direction,
    ) -> Link:
        latency_s = self._latency_s(parent, child)
        own_bps = self.uplink if direction == "up" else self.downlink
        line_bps = self.rate if own_bps is None else own_bps
        access_bps = child.edge.get("rate_bps", line_bps)
        if not self.shared:
            line_bps = access_bps
        window_bps = self.window / (2.0 * latency_s) if self.window and latency_s else math.inf
        return Link(
            env,
            FixedRate(line_bps),
            medium,
            latency_s,
            PACKETS[self.packets],
            loss=self.loss,
            identity=Identity.of(child, seed, direction),
            cap=min(1.0, access_bps / line_bps, window_bps / line_bps),
        )

    def _latency_s(self, parent: Node, child: Node) -> float:
        if "latency_s" in child.edge:
            return child.edge["latency_s"]
        if not isinstance(self.latency, str):
            return self.latency
        far_m = (known_distance_m if self.latency == "from_distance" else between_m)(parent, child)
        if far_m is None:
            what, remedy = LATENCIES[self.latency]
            raise ValueError(
                f"latency is {self.latency}, but {child.name!r} has no {what} to {parent.name!r}; give {remedy}"
            )
        return far_m * self.route_factor / self.speed

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = (render(own or self.rate, "rate") for own in (self.uplink, self.downlink))
        rates = up if up == down else f"{up} up, {down} down"
        late = render(self.latency, "time") if not isinstance(self.latency, str) else SAID[self.latency]
        said = [rates, late, "shared trunk" if self.shared else "private lines"]
        if self.window:
            said.append(f"TCP window {render(self.window, 'size')}")
        if not isinstance(self.loss, NoLoss):
            said.append(self.loss.describe())
        return f"wired: {', '.join(said)}, {'broadcast' if self.broadcast else 'unicast'} downlink"


def between_m(parent: Node, child: Node) -> float | None:
    """Great-circle distance of two nodes; None unless both have latitude and longitude."""
    places = (parent.lat_deg, parent.lon_deg, child.lat_deg, child.lon_deg)
    known = [degrees for degrees in places if degrees is not None]
    return great_circle_m(*known) if len(known) == len(places) else None


SAID = {"from_distance": "latency from distance", "great_circle": "great-circle latency"}
