"""Channels whose rate follows a recorded curve."""

from __future__ import annotations

from dataclasses import dataclass

from netsim.network.traces.rate_curves import RateCurve


@dataclass(frozen=True, eq=False)
class TraceChannel:
    """A channel whose rate is `scale` times that of a curve, starting `offset_s` into the curve."""

    curve: RateCurve
    scale: float = 1.0
    offset_s: float = 0.0

    @property
    def mean_rate_bps(self) -> float:
        """The mean rate of the curve, scaled."""
        return self.scale * self.curve.mean_rate_bps

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`."""
        return self.curve.finish_s(wire_bits / self.scale, at_s + self.offset_s) if wire_bits else 0.0
