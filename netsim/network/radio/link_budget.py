"""The link budget: received power over noise and interference; dB as input, linear as output."""

from __future__ import annotations

import math

NOISE_DBM_PER_HZ = -174.0
"""Thermal noise density by convention (k T at 290 K is -173.975 dBm/Hz); 3GPP TR 36.814."""


def snr_linear(
    power_dbm: float,
    gains_db: float,
    loss_db: float,
    noise_figure_db: float,
    bandwidth_hz: float,
    interference_margin_db: float = 0.0,
) -> float:
    """Signal-to-noise ratio of a link budget, linear.

    Args:
        power_dbm: transmit power in the band.
        gains_db: sum of the gains of both antennas.
        loss_db: path loss plus shadowing (`LargeScale.loss_db`).
        noise_figure_db: of the receiver.
        bandwidth_hz: bandwidth of the noise.
        interference_margin_db: rise over thermal noise due to interference.
    """
    received_dbm = power_dbm + gains_db - loss_db
    snr_db = received_dbm - noise_and_interference_dbm(bandwidth_hz, noise_figure_db, interference_margin_db)
    return float(10.0 ** (snr_db / 10.0))


def noise_and_interference_dbm(
    bandwidth_hz: float, noise_figure_db: float, interference_margin_db: float = 0.0
) -> float:
    """Noise and interference power at a receiver: thermal noise, noise figure, interference margin."""
    return thermal_noise_dbm(bandwidth_hz) + noise_figure_db + interference_margin_db


def thermal_noise_dbm(bandwidth_hz: float) -> float:
    """Thermal noise power: -174 dBm/Hz + 10 log10 B. Raises ValueError for a bandwidth that is not finite and > 0."""
    if not 0 < bandwidth_hz < math.inf:
        raise ValueError(f"bandwidth_hz must be finite and > 0, got {bandwidth_hz}")
    return NOISE_DBM_PER_HZ + 10.0 * math.log10(bandwidth_hz)
