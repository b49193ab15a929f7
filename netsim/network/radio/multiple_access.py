"""Multiple access: how the devices of a cell share its bands."""

from __future__ import annotations

from typing import Literal, get_args

import simpy

from netsim.network.channel import Channel
from netsim.network.fifo_medium import FifoMedium
from netsim.network.media import Medium, SharedMedium

Access = Literal["airtime", "fdma", "tdma", "wifi"]
"""airtime: all share the time of the whole band equally (OFDMA with equal shares, round robin).
fdma: everyone has a fixed share of the band, used or not.
tdma: the whole band for one message after the other, in order of arrival.
wifi: packet-fair contention, one channel for both directions: equal bit rates, so the slowest slows all."""

ACCESS: tuple[Access, ...] = get_args(Access)
REFERENCE_BPS = 1e6
"""Weight 1 of packet-fair sharing; only ratios matter."""


def split(access: Access, count: int, broadcast: bool) -> tuple[int, int]:
    """How many own bands uplink and downlink band are cut into; a broadcast has the whole downlink."""
    own = max(1, count) if access == "fdma" else 1
    return own, 1 if broadcast else own


def media(
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


def weight(access: Access, channel: Channel) -> float:
    """A transfer's share of a medium: of airtime equal; packet-fair inverse to the rate, so of bits equal.

    Source: M. Heusse et al., Performance anomaly of 802.11b, INFOCOM 2003: everyone gets 1 / sum(1 / R_k).
    """
    return REFERENCE_BPS / channel.mean_rate_bps if access == "wifi" else 1.0


def _bands(env: simpy.Environment, count: int, *, own: bool) -> list[Medium]:
    return [SharedMedium(env) for _ in range(count)] if own else [SharedMedium(env)] * count
