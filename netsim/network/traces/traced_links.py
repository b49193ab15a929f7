"""Links whose rates follow recorded traces, one dedicated link per child."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import simpy

from netsim.network.channel import Channel, FixedRate
from netsim.network.links import Downlink, Link, ParentLinks
from netsim.network.media import DedicatedMedium
from netsim.network.message_loss import LinkIdentity, Loss, NoLoss
from netsim.network.packets import PACKETS, Stack
from netsim.network.traces.trace_channel import TraceChannel
from netsim.network.traces.trace_sources import Trace
from netsim.rng import uniforms
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render

OFFSET_PATH = -7
"""Path element of the draws of each child's start in its trace; negative, so that it is no ordinal."""


@dataclass(frozen=True)
class Traced:
    """Dedicated links whose rates follow traces, one per child (unicast downlink).

    A trace was recorded by one user, so that the sharing of the cell is included. It repeats after its end. `begin:
    random` starts each child at its own position of the trace (keyed by seed and child; the same share of both
    directions), `begin: start` starts all at the first line: then the rates of all devices rise and fall together. The
    scales multiply the rates. An edge's `rate_bps` replaces the traces, its `latency_s` the latency.

    Default latency: 20 ms one way, typical from a phone to a nearby server (own assumption; traces contain none).
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

    def connect(
        self, env: simpy.Environment, parent: Node, children: Sequence[Node], seed: int
    ) -> ParentLinks:
        """See `LayerNetwork`. Raises ValueError where a trace is missing or damaged."""
        up_curve, down_curve = self.uplink.curve(), self.downlink.curve()
        up, down = [], []
        for child, share in zip(children, self._start_shares(children, seed), strict=True):
            up_channel = TraceChannel(up_curve, self.uplink_scale, share * up_curve.period_s)
            down_channel = TraceChannel(down_curve, self.downlink_scale, share * down_curve.period_s)
            up.append(self._link(env, up_channel, child, LinkIdentity.of(child, seed, "up")))
            down.append(self._link(env, down_channel, child, LinkIdentity.of(child, seed, "down")))
        return ParentLinks(up, Downlink(down, broadcast=False))

    def _start_shares(self, children: Sequence[Node], seed: int) -> list[float]:
        """The start of each child as a share of the period, in [0, 1)."""
        if self.begin == "start":
            return [0.0] * len(children)
        ordinals = [child.ordinal for child in children]
        uniform = uniforms(seed, "channel", children[0].level, OFFSET_PATH, ordinals=ordinals)[:, 0]
        return [float(share) for share in uniform]

    def _link(self, env: simpy.Environment, trace: TraceChannel, child: Node, identity: LinkIdentity) -> Link:
        own_bps = child.edge.get("rate_bps")
        channel: Channel = trace if own_bps is None else FixedRate(own_bps)
        latency_s = child.edge.get("latency_s", self.latency)
        medium, headers = DedicatedMedium(env), PACKETS[self.packets]
        return Link(env, channel, medium, latency_s, headers, loss=self.loss, identity=identity)

    def describe(self) -> str:
        """See `LayerNetwork`."""
        up = _describe_trace(self.uplink, self.uplink_scale)
        down = _describe_trace(self.downlink, self.downlink_scale)
        loss = "" if isinstance(self.loss, NoLoss) else f", {self.loss.describe()}"
        latency = render(self.latency, "time")
        return f"traced: {up} up, {down} down, {latency}, dedicated links, begin {self.begin}{loss}"


def _describe_trace(trace: Trace, scale: float) -> str:
    name = Path(trace.path).name
    return name if scale == 1 else f"{scale:g} x {name}"
