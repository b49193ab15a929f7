"""Links whose rates follow recordings, each child on a line of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import simpy

from netsim.network.channel import Channel, FixedRate
from netsim.network.links import Downlink, Link, Ports
from netsim.network.media import PrivateMedium
from netsim.network.message_loss import Identity, Loss, NoLoss
from netsim.network.packets import PACKETS, Stack
from netsim.network.rate_curves import Following
from netsim.network.traces.trace_sources import Trace
from netsim.rng import uniforms
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render

BEGIN = -7
"""Path element of the draws of where each child begins; negative, so that it is no ordinal."""


@dataclass(frozen=True)
class Traced:
    """Every child has a private line that follows the traces (unicast downlink); nobody shares.

    A recording is what one user got, so that sharing is in it already. It loops at its end. `begin: random`
    starts each child at its own place in the trace (keyed by seed and child; the same share of both
    directions), `begin: start` starts all at its first line: then every device has the same good and bad
    times. The scales multiply the rates. An edge's `rate_bps` replaces the traces, its `latency_s` the
    latency.

    Default latency: 20 ms one way, as a phone's way to a nearby server (our choice; traces do not tell).
    """

    uplink: Trace
    downlink: Trace
    uplink_scale: float = 1.0
    downlink_scale: float = 1.0
    latency: TimeS = 0.02
    begin: Literal["random", "start"] = "random"
    loss: Loss = field(default_factory=NoLoss)
    packets: Stack = "radio"

    def __post_init__(self) -> None:
        check_quantities(self)
        for name in ("uplink_scale", "downlink_scale"):
            scale = getattr(self, name)
            if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
                raise ValueError(f"{name} must be finite and > 0, got {scale!r}; as recorded is 1")
        if self.begin not in ("random", "start"):
            raise ValueError(f"begin must be random or start, got {self.begin!r}")
        if self.packets not in PACKETS:
            raise ValueError(f"packets must be one of {', '.join(PACKETS)}, got {self.packets!r}")

    def connect(self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int) -> Ports:
        """See `LayerNetwork`. Raises ValueError where a trace is missing or damaged."""
        up_curve, down_curve = self.uplink.curve(), self.downlink.curve()
        up, down = [], []
        for child, share in zip(children, self._shares(children, seed), strict=True):
            here = Following(up_curve, self.uplink_scale, share * up_curve.period_s)
            there = Following(down_curve, self.downlink_scale, share * down_curve.period_s)
            up.append(self._link(env, here, child, Identity.of(child, seed, "up")))
            down.append(self._link(env, there, child, Identity.of(child, seed, "down")))
        return Ports(up, Downlink(down, broadcast=False))

    def _shares(self, children: Sequence[Node], seed: int) -> list[float]:
        """Where in its traces each child begins, in [0, 1)."""
        if self.begin == "start":
            return [0.0] * len(children)
        ordinals = [child.ordinal for child in children]
        drawn: list[float] = uniforms(seed, "channel", children[0].level, BEGIN, ordinals=ordinals)[
            :, 0
        ].tolist()
        return drawn

    def _link(self, env: simpy.Environment, follows: Following, child: Node, identity: Identity) -> Link:
        own_bps = child.edge.get("rate_bps")
        channel: Channel = follows if own_bps is None else FixedRate(own_bps)
        late_s = child.edge.get("latency_s", self.latency)
        medium, headers = PrivateMedium(env), PACKETS[self.packets]
        return Link(env, channel, medium, late_s, headers, loss=self.loss, identity=identity)

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up, down = _said(self.uplink, self.uplink_scale), _said(self.downlink, self.downlink_scale)
        lossy = "" if isinstance(self.loss, NoLoss) else f", {self.loss.describe()}"
        late = render(self.latency, "time")
        return f"traced: {up} up, {down} down, {late}, private lines begun at {self.begin}{lossy}"


def _said(trace: Trace, scale: float) -> str:
    name = Path(trace.path).name
    return name if scale == 1 else f"{scale:g} x {name}"
