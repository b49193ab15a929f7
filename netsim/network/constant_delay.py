"""Constant delays: every message takes the same time whatever its size, as in papers that model no link."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import simpy

from netsim.network.links import Downlink, Link, Ports
from netsim.network.media import PrivateMedium
from netsim.network.packets import PACKETS
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render


@dataclass(frozen=True)
class Constant:
    """airtime = a constant: compression changes bits, but no times."""

    delay_s: float

    @property
    def mean_rate_bps(self) -> float:
        """Infinite: more bits take no more time."""
        return math.inf

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; neither size nor instant matters."""
        return self.delay_s


@dataclass(frozen=True)
class Delay:
    """Each message takes a constant time, without contention and without headers; the downlink is broadcast.

    The delay is spent sending: it counts as airtime. Nothing is lost. An edge's
    `latency_s` is added; an edge's `rate_bps` is refused, for it would change nothing.

    Hier-QSGD (arXiv:2103.14272) has uplinks of 33 s (device to edge) and 330 s (edge to cloud), by its
    authors' code (`options.py`), and free downlinks.
    """

    uplink: TimeS
    downlink: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    def connect(self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int) -> Ports:
        """See `LayerNetwork`; nothing is drawn."""
        for child in children:
            if "rate_bps" in child.edge:
                raise ValueError(
                    f"a delay does not depend on rates, but the edge of {child.name!r} to {parent.name!r} "
                    "gives one; remove it, or choose wired"
                )
        medium = PrivateMedium(env)
        up, down = (
            [_link(env, delay_s, medium, child) for child in children]
            for delay_s in (self.uplink, self.downlink)
        )
        return Ports(up, Downlink(down, broadcast=True))

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = render(self.uplink, "time"), render(self.downlink, "time")
        return f"delay: {up} up, {down} down, whatever the size"


def _link(env: simpy.Environment, delay_s: float, medium: PrivateMedium, child: Node) -> Link:
    return Link(env, Constant(delay_s), medium, child.edge.get("latency_s", 0.0), PACKETS["none"])
