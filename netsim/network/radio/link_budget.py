"""The link budget: power received over noise and interference, in dB at the edge and linear inside."""

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
    """Signal to noise ratio of a link budget, linear.

    Args:
        power_dbm: transmit power, all of it in the band.
        gains_db: sum of both antennas' gains.
        loss_db: path loss and shadowing (`largescale.Place.loss_db`).
        noise_figure_db: of the receiver.
        bandwidth_hz: over which noise is collected.
        interference_margin_db: rise over thermal noise set aside for interference.
    """
    received_dbm = power_dbm + gains_db - loss_db
    above_db = received_dbm - floor_dbm(bandwidth_hz, noise_figure_db, interference_margin_db)
    return float(10.0 ** (above_db / 10.0))


def floor_dbm(bandwidth_hz: float, noise_figure_db: float, interference_margin_db: float = 0.0) -> float:
    """What a receiver hears besides its signal: thermal noise, its noise figure, the interference margin."""
    return noise_dbm(bandwidth_hz) + noise_figure_db + interference_margin_db


def noise_dbm(bandwidth_hz: float) -> float:
    """Thermal noise power in a band: -174 dBm/Hz + 10 log10 B. Raises ValueError for no band."""
    if not 0 < bandwidth_hz < math.inf:
        raise ValueError(f"bandwidth_hz must be finite and > 0, got {bandwidth_hz}")
    return NOISE_DBM_PER_HZ + 10.0 * math.log10(bandwidth_hz)
