"""Multiple access: how the devices of a cell share its bands."""

from __future__ import annotations

from typing import Literal, get_args

import simpy

from netsim.network.channel import Channel
from netsim.network.fifo_medium import FifoMedium
from netsim.network.media import Medium, SharedMedium

Access = Literal["airtime", "fdma", "tdma", "wifi"]
"""airtime: all devices share the time of the whole band equally (OFDMA with equal shares, round robin).
fdma: each device has a fixed share of the band, used or not.
tdma: the whole band for one message after the other, in order of arrival.
wifi: packet-fair contention on one channel for both directions: equal bit rates, so the slowest device slows all."""

ACCESS: tuple[Access, ...] = get_args(Access)
REFERENCE_BPS = 1e6
"""Rate of weight 1 in packet-fair sharing; only ratios matter."""


def band_counts(access: Access, count: int, broadcast: bool) -> tuple[int, int]:
    """Number of separate bands of the uplink and of the downlink; a broadcast uses the whole downlink band."""
    own = max(1, count) if access == "fdma" else 1
    return own, 1 if broadcast else own


def create_media(
    access: Access, env: simpy.Environment, count: int, broadcast: bool
) -> tuple[list[Medium], list[Medium]]:
    """The media of `count` devices' uplinks and downlinks."""
    if access == "wifi":
        both: list[Medium] = [SharedMedium(env)] * count
        return both, both
    if access == "tdma":
        return [FifoMedium(env)] * count, [FifoMedium(env)] * count
    up: list[Medium] = _bands(env, count, own=access == "fdma")
    return up, _bands(env, count, own=access == "fdma" and not broadcast)


def transfer_weight(access: Access, channel: Channel) -> float:
    """The weight of a transfer: 1 for equal airtime; inverse to the rate for packet-fair sharing, hence equal bits.

    Source: M. Heusse et al., Performance anomaly of 802.11b, INFOCOM 2003: each device gets 1 / sum(1 / R_k).
    """
    return REFERENCE_BPS / channel.mean_rate_bps if access == "wifi" else 1.0


def _bands(env: simpy.Environment, count: int, *, own: bool) -> list[Medium]:
    return [SharedMedium(env) for _ in range(count)] if own else [SharedMedium(env)] * count
