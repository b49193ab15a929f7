"""Thermal noise and the link budget against published numbers."""

from __future__ import annotations

import math

import pytest

from netsim.network.radio.link_budget import noise_and_interference_dbm, snr_linear, thermal_noise_dbm


@pytest.mark.parametrize(
    ("band_hz", "dbm"), [(180e3, -121.45), (1e6, -114.0), (10e6, -104.0), (20e6, -100.99)]
)
def test_oracle_F11_thermal_noise(band_hz: float, dbm: float) -> None:
    assert thermal_noise_dbm(band_hz) == pytest.approx(dbm, abs=5e-3)
    assert thermal_noise_dbm(band_hz) == pytest.approx(-174 + 10 * math.log10(band_hz), rel=1e-12)


def test_oracle_F11_the_conventional_noise_density_is_kt_at_290_kelvin() -> None:
    assert thermal_noise_dbm(1.0) == pytest.approx(10 * math.log10(1.380649e-23 * 290 * 1e3), abs=0.03)


def test_oracle_a_link_budget_by_hand() -> None:
    snr = snr_linear(23.0, 5.0, 105.46, 5.0, 10e6)  # -77.46 dBm received over -99 dBm
    assert 10 * math.log10(snr) == pytest.approx(21.54, abs=1e-9)
    assert snr_linear(23.0, 5.0, 105.46, 5.0, 10e6, 3.0) == pytest.approx(snr / 10**0.3, rel=1e-12)
    assert noise_and_interference_dbm(10e6, 5.0, 3.0) == pytest.approx(-96.0, abs=1e-9)


def test_oracle_a_full_band_budget_of_the_reference() -> None:
    """250 m, 0.2 W, noise figure 5 dB, 10 MHz, 105.4626 dB: 16.5 dB."""
    snr = snr_linear(10 * math.log10(200.0), 0.0, 105.4626, 5.0, 10e6)
    assert 10 * math.log10(snr) == pytest.approx(16.5, abs=0.06)


@pytest.mark.parametrize("band_hz", [0.0, -1.0, math.inf, math.nan])
def test_an_invalid_bandwidth_is_rejected(band_hz: float) -> None:
    with pytest.raises(ValueError, match="bandwidth_hz must be finite and > 0, got"):
        thermal_noise_dbm(band_hz)
