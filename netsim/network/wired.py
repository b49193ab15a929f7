"""Wired links: a rate and a latency, on a shared link per parent and direction or on dedicated links."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Downlink, Link, ParentLinks
from netsim.network.media import DedicatedMedium, Medium, SharedMedium
from netsim.network.message_loss import Direction, LinkIdentity, Loss, NoLoss
from netsim.network.packets import PACKETS, Stack
from netsim.network.radio.placement import distance_m
from netsim.topology import Node
from netsim.topology.geography import great_circle_m
from netsim.units import RateBps, SizeBits, SpeedMps, TimeS, check_quantities, render

LATENCIES = {
    "from_distance": ("distance", "both x_m and y_m, or the edge distance_m"),
    "great_circle": ("great-circle distance", "both lat_deg and lon_deg"),
}
"""Computed latencies: the distance each needs, and the attributes that a node must have for it."""


@dataclass(frozen=True)
class Wired:
    """A backhaul: one shared link per parent and direction (processor sharing), or a dedicated link per child.

    `uplink` and `downlink` replace `rate` in one direction. `latency: from_distance` is distance x
    route_factor / speed, with the distance from coordinates of both ends or the edge's `distance_m`;
    `great_circle` computes it from latitudes and longitudes. `downcast` None is broadcast on a shared link and
    unicast on dedicated links.

    An edge's `rate_bps` (both directions) and `latency_s` override. On a shared link a child's own rate is that of its
    access link: it caps the child's share (max-min fair: the others share what it cannot use), and a rate above
    the shared link's has no effect. `window` caps each transfer at window / RTT, RTT = 2 x latency (TCP in
    steady state, Mathis et al., ACM CCR 27(3), 1997; slow start and queueing are not modelled).

    Defaults: 1 Gbit/s and 10 ms, a non-ideal backhaul of 3GPP TR 36.932; light in fibre 2e8 m/s, a route
    1.5 times the straight line; no window (4 MiB is Linux's usual bound).
    """

    citations: ClassVar[Mapping[str, str]] = {"mathis1997tcp": "window", "3gpp36932": ""}

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
            raise ValueError(
                "downcast must be unicast on dedicated links, got broadcast; or set shared: true"
            )

    @property
    def broadcast(self) -> bool:
        """Whether one downlink transfer serves all children."""
        return self.shared and self.downcast != "unicast"

    def connect(
        self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int
    ) -> ParentLinks:
        """See `LayerNetwork`; only message losses are random."""
        media: list[Medium] = [SharedMedium(env), SharedMedium(env)]
        up, down = [], []
        for child in children:
            up_medium, down_medium = media if self.shared else (DedicatedMedium(env), DedicatedMedium(env))
            up.append(self._link(env, up_medium, parent, child, seed, "up"))
            down.append(self._link(env, down_medium, parent, child, seed, "down"))
        return ParentLinks(up, Downlink(down, self.broadcast))

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
        link_bps = self.rate if own_bps is None else own_bps
        access_bps = child.edge.get("rate_bps", link_bps)
        if not self.shared:
            link_bps = access_bps
        window_bps = self.window / (2.0 * latency_s) if self.window and latency_s else math.inf
        return Link(
            env,
            FixedRate(link_bps),
            medium,
            latency_s,
            PACKETS[self.packets],
            loss=self.loss,
            identity=LinkIdentity.of(child, seed, direction),
            cap=min(1.0, access_bps / link_bps, window_bps / link_bps),
        )

    def _latency_s(self, parent: Node, child: Node) -> float:
        if "latency_s" in child.edge:
            return child.edge["latency_s"]
        if not isinstance(self.latency, str):
            return self.latency
        length_m = (distance_m if self.latency == "from_distance" else great_circle_distance_m)(parent, child)
        if length_m is None:
            distance, remedy = LATENCIES[self.latency]
            raise ValueError(
                f"latency is {self.latency}, but {child.name!r} has no {distance} to {parent.name!r}; give {remedy}"
            )
        return length_m * self.route_factor / self.speed

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = (render(own or self.rate, "rate") for own in (self.uplink, self.downlink))
        rates = up if up == down else f"{up} up, {down} down"
        latency = render(self.latency, "time") if not isinstance(self.latency, str) else LABELS[self.latency]
        items = [rates, latency, "shared link" if self.shared else "dedicated links"]
        if self.window:
            items.append(f"TCP window {render(self.window, 'size')}")
        if not isinstance(self.loss, NoLoss):
            items.append(self.loss.describe())
        return f"wired: {', '.join(items)}, {'broadcast' if self.broadcast else 'unicast'} downlink"


def great_circle_distance_m(parent: Node, child: Node) -> float | None:
    """Great-circle distance of two nodes, m; None unless both have latitude and longitude."""
    angles = (parent.lat_deg, parent.lon_deg, child.lat_deg, child.lon_deg)
    known = [degrees for degrees in angles if degrees is not None]
    return great_circle_m(*known) if len(known) == len(angles) else None


LABELS = {"from_distance": "latency from distance", "great_circle": "great-circle latency"}
