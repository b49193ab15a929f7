"""Constant delays: every message takes the same time whatever its size, as in papers without a link model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import simpy

from netsim.network.links import Downlink, Link, ParentLinks
from netsim.network.media import DedicatedMedium
from netsim.network.packets import PACKETS
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render


@dataclass(frozen=True)
class ConstantDelay:
    """A constant airtime: compression reduces the bits, but not the time."""

    delay_s: float

    @property
    def mean_rate_bps(self) -> float:
        """Infinite: more bits take no more time."""
        return math.inf

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; independent of size and time."""
        return self.delay_s


@dataclass(frozen=True)
class Delay:
    """A constant transmission time per message, without contention and headers; the downlink is broadcast.

    The delay counts as airtime. No message is lost. An edge's `latency_s` is added; an edge's `rate_bps` is an error,
    because it would have no effect.

    Hier-QSGD (arXiv:2103.14272) has uplinks of 33 s (device to edge) and 330 s (edge to cloud), by its
    authors' code (`options.py`), and downlinks that take no time.
    """

    citations: ClassVar[Mapping[str, str]] = {"liu2021hierqsgd": ""}

    uplink: TimeS
    downlink: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    def connect(
        self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int
    ) -> ParentLinks:
        """See `LayerNetwork`; deterministic."""
        for child in children:
            if "rate_bps" in child.edge:
                raise ValueError(
                    f"a delay does not depend on rates, but the edge of {child.name!r} to {parent.name!r} "
                    "has a rate_bps; remove it, or choose wired"
                )
        medium = DedicatedMedium(env)
        up, down = (
            [_link(env, delay_s, medium, child) for child in children]
            for delay_s in (self.uplink, self.downlink)
        )
        return ParentLinks(up, Downlink(down, broadcast=True))

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = render(self.uplink, "time"), render(self.downlink, "time")
        return f"delay: {up} up, {down} down, whatever the size"


def _link(env: simpy.Environment, delay_s: float, medium: DedicatedMedium, child: Node) -> Link:
    return Link(env, ConstantDelay(delay_s), medium, child.edge.get("latency_s", 0.0), PACKETS["none"])
