"""Airtime of channels: scaling with bandwidth, message size and spectral efficiency."""

from __future__ import annotations

import math

import pytest
import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Link
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import NoFading
from netsim.network.radio.path_loss import FixedGain
from netsim.network.radio.rate_maps import Shannon, TruncatedShannon
from netsim.topology import Fanout


def uplink(band_hz: float, gain_db: float, truncated: bool = False) -> Link:
    """The uplink of one device at a fixed gain, without shadowing, fading and headers."""
    rates = TruncatedShannon() if truncated else Shannon()
    part = Cell(
        uplink=band_hz, pathloss=FixedGain(gain_db), fading=NoFading(), rate_map=rates, packets="none"
    )
    root = Fanout([1]).grow().root
    return part.connect(simpy.Environment(), root, root.children, 1).up[0]


def test_oracle_fixed_rate_airtime() -> None:
    assert FixedRate(1e6).airtime_s(5e5, 9.0) == 0.5
    assert FixedRate(1e6).mean_rate_bps == 1e6


def test_oracle_airtime_halves_when_the_bandwidth_doubles_at_fixed_spectral_efficiency() -> None:
    one, two = (uplink(b, -60.0, truncated=True) for b in (10e6, 20e6))  # both at the cap of 2 bit/s/Hz
    assert one.airtime_s(1_000_000, 0.0) == pytest.approx(0.05, rel=1e-12)
    assert two.airtime_s(1_000_000, 0.0) == one.airtime_s(1_000_000, 0.0) / 2


def test_oracle_airtime_halves_when_the_wire_bits_halve() -> None:
    link = uplink(10e6, -100.0)
    assert link.airtime_s(500_000, 0.0) == link.airtime_s(1_000_000, 0.0) / 2


def test_oracle_under_thermal_noise_doubling_the_bandwidth_gains_less_than_two() -> None:
    one, two = (uplink(b, -115.0) for b in (10e6, 20e6))
    assert one.snr is not None
    ratio = one.airtime_s(1_000_000, 0.0) / two.airtime_s(1_000_000, 0.0)
    assert ratio == pytest.approx(2 * math.log2(1 + one.snr / 2) / math.log2(1 + one.snr), rel=1e-12)
    assert 1 < ratio < 2


@pytest.mark.parametrize("rate_bps", [0.0, -1.0, math.inf, math.nan])
def test_an_invalid_rate_is_rejected(rate_bps: float) -> None:
    with pytest.raises(ValueError, match="rate_bps must be finite and > 0"):
        FixedRate(rate_bps)
