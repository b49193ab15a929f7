"""Wired links: a rate and a latency, on one trunk per parent and direction or on private lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import simpy

from netsim.network.channels import FixedRate
from netsim.network.links import Downlink, Link, Ports
from netsim.network.media import Medium, PrivateMedium, SharedMedium
from netsim.network.packets import PACKETS, Stack
from netsim.network.placement import known_distance_m
from netsim.topology import Node
from netsim.units import RateBps, SpeedMps, TimeS, check_quantities, render


@dataclass(frozen=True)
class Wired:
    """A backhaul: one trunk per parent and direction (processor sharing), or (not shared) a line per child.

    `uplink` and `downlink` replace `rate` in one direction. `latency: from_distance` is distance x
    route_factor / speed, with the distance from coordinates of both ends or the edge's `distance_m`.
    `downcast` None is broadcast on a trunk and unicast on private lines. An edge's `rate_bps` (both
    directions) and `latency_s` override; on a trunk a child's own rate acts through its airtime (bits / own
    rate seconds of sole use).

    Defaults: 1 Gbit/s and 10 ms, a non-ideal backhaul of 3GPP TR 36.932; light in fibre 2e8 m/s.
    """

    rate: RateBps = 1e9
    uplink: RateBps | None = None
    downlink: RateBps | None = None
    latency: TimeS | Literal["from_distance"] = 0.01
    speed: SpeedMps = 2e8
    route_factor: float = 1.5
    shared: bool = True
    downcast: Literal["broadcast", "unicast"] | None = None
    packets: Stack = "ethernet"

    def __post_init__(self) -> None:
        check_quantities(self)
        if isinstance(self.latency, str) and self.latency != "from_distance":
            raise ValueError(
                f"latency must be a time or from_distance, got {self.latency!r}; write e.g. 5 ms"
            )
        if not 1 <= self.route_factor < math.inf:
            raise ValueError(
                f"route_factor must be >= 1, got {self.route_factor}; 1.5 to 2 is usual for fibre"
            )
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
        """See `LayerNetwork`; nothing is drawn."""
        up = self._links(env, self.uplink, parent, children)
        return Ports(up, Downlink(self._links(env, self.downlink, parent, children), self.broadcast))

    def _links(
        self, env: simpy.Environment, own_bps: float | None, parent: Node, children: Sequence[Node]
    ) -> list[Link]:
        trunk = SharedMedium(env)
        rate_bps = self.rate if own_bps is None else own_bps
        links = []
        for child in children:
            medium: Medium = trunk if self.shared else PrivateMedium(env)
            channel = FixedRate(child.edge.get("rate_bps", rate_bps))
            links.append(Link(env, channel, medium, self._latency_s(parent, child), PACKETS[self.packets]))
        return links

    def _latency_s(self, parent: Node, child: Node) -> float:
        if "latency_s" in child.edge:
            return child.edge["latency_s"]
        if not isinstance(self.latency, str):
            return self.latency
        distance_m = known_distance_m(parent, child)
        if distance_m is None:
            raise ValueError(
                f"latency is from_distance, but {child.name!r} has no distance to {parent.name!r}; give both "
                "x_m and y_m, or the edge distance_m"
            )
        return distance_m * self.route_factor / self.speed

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = (render(own or self.rate, "rate") for own in (self.uplink, self.downlink))
        rates = up if up == down else f"{up} up, {down} down"
        late = "latency from distance" if isinstance(self.latency, str) else render(self.latency, "time")
        use = "shared trunk" if self.shared else "private lines"
        return f"wired: {rates}, {late}, {use}, {'broadcast' if self.broadcast else 'unicast'} downlink"
