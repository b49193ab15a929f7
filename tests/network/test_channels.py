"""The physics of a rate, headers and path loss against published numbers."""

from __future__ import annotations

import math
import re

import pytest

from netsim.network.channels import FixedRate, Shannon, noise_dbm, snr_linear
from netsim.network.packets import PACKETS, Packets
from netsim.network.pathloss import PATHLOSS, LogDistance, Macro, UrbanMicro


@pytest.mark.parametrize(
    ("band_hz", "dbm"), [(180e3, -121.45), (1e6, -114.0), (10e6, -104.0), (20e6, -100.99)]
)
def test_oracle_f11_thermal_noise(band_hz: float, dbm: float) -> None:
    assert noise_dbm(band_hz) == pytest.approx(dbm, abs=5e-3)


def test_the_conventional_noise_density_is_kt_at_290_kelvin() -> None:
    assert noise_dbm(1.0) == pytest.approx(10 * math.log10(1.380649e-23 * 290 * 1e3), abs=0.03)


@pytest.mark.parametrize(
    ("line_of_sight", "distance_m", "loss_db"),
    [
        (True, 10, 69.8591),
        (True, 100, 88.4122),
        (True, 1000, 119.3114),
        (True, 5000, 147.2696),
        (False, 10, 76.7563),
        (False, 100, 107.9432),
        (False, 1000, 143.1886),
        (False, 5000, 167.8617),
    ],
)
def test_oracle_f10_urban_micro_golden_vectors(
    line_of_sight: bool, distance_m: float, loss_db: float
) -> None:
    assert UrbanMicro(line_of_sight).loss_db(distance_m, 5e9) == pytest.approx(loss_db, abs=1e-4)


def test_oracle_f10_line_of_sight_is_continuous_at_the_break_point() -> None:
    break_m = 4 * 9.0 * 0.5 * 5e9 / 3e8
    below, above = (UrbanMicro(True).loss_db(break_m + step, 5e9) for step in (-1e-9, 1e-9))
    assert below == pytest.approx(above, abs=1e-6)


@pytest.mark.parametrize("part", [LogDistance(), UrbanMicro(), UrbanMicro(True), Macro()])
def test_oracle_f10_loss_grows_with_distance(part: LogDistance | UrbanMicro | Macro) -> None:
    losses = [part.loss_db(d, 2e9) for d in (40, 80, 300, 301, 2000, 5000)]
    assert losses == sorted(losses)
    assert len(set(losses)) == len(losses)


def test_oracle_log_distance_and_macro_closed_forms() -> None:
    assert LogDistance(3.0, 46.68, 1.0).loss_db(100.0, 5e9) == pytest.approx(106.68, abs=1e-12)
    assert Macro().loss_db(250.0, 2e9) == pytest.approx(105.4626, abs=1e-4)
    assert Macro(penetration_loss=20.0).loss_db(1000.0, 2e9) == pytest.approx(148.1, abs=1e-12)


@pytest.mark.parametrize(
    ("part", "distance_m", "frequency_hz", "said"),
    [
        (UrbanMicro(), 9.9, 5e9, "urban_micro covers 10 m to 5000 m, got 9.9 m"),
        (UrbanMicro(), 5001.0, 5e9, "got 5001 m"),
        (UrbanMicro(), 100.0, 0.4e9, "urban_micro covers 0.5 to 100 GHz, got 0.4 GHz"),
        (Macro(), 5.0, 2e9, "macro covers 35 m to 5000 m, got 5 m"),
        (Macro(), 100.0, 3.5e9, "macro covers 1.5 to 2.5 GHz, got 3.5 GHz"),
        (LogDistance(), 0.5, 5e9, "log_distance covers 1 m upwards, got 0.5 m"),
        (LogDistance(), math.nan, 5e9, "got nan m"),
        (LogDistance(), math.inf, 5e9, "got inf m"),
    ],
)
def test_a_formula_refuses_what_it_does_not_cover(
    part: LogDistance | UrbanMicro | Macro, distance_m: float, frequency_hz: float, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        part.loss_db(distance_m, frequency_hz)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("log_distance", "exponent", 0.0),
        ("log_distance", "reference_loss", -1.0),
        ("log_distance", "reference_distance", 0.0),
        ("urban_micro", "device_height", 1.0),
        ("macro", "penetration_loss", -1.0),
    ],
)
def test_impossible_path_losses_are_refused(name: str, field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        PATHLOSS[name](**{field: value})


def test_oracle_a_link_budget_by_hand() -> None:
    snr = snr_linear(23.0, 5.0, 105.46, 5.0, 10e6)  # -77.46 dBm received over -99 dBm
    assert 10 * math.log10(snr) == pytest.approx(21.54, abs=1e-9)
    assert snr_linear(23.0, 5.0, 105.46, 5.0, 10e6, 3.0) == pytest.approx(snr / 10**0.3, rel=1e-12)


def test_oracle_shannon_airtime() -> None:
    assert Shannon(20e6, 3.0).airtime_s(4e7, 0.0) == pytest.approx(1.0, rel=1e-12)
    assert FixedRate(1e6).airtime_s(5e5, 9.0) == 0.5


def test_oracle_airtime_halves_when_the_bandwidth_doubles_at_fixed_spectral_efficiency() -> None:
    assert Shannon(2e7, 7.0).airtime_s(1e6, 0.0) == Shannon(1e7, 7.0).airtime_s(1e6, 0.0) / 2
    assert FixedRate(2e7).airtime_s(1e6, 0.0) == FixedRate(1e7).airtime_s(1e6, 0.0) / 2
    assert FixedRate(1e7).airtime_s(5e5, 0.0) == FixedRate(1e7).airtime_s(1e6, 0.0) / 2


def test_oracle_under_thermal_noise_doubling_the_bandwidth_gains_less_than_two() -> None:
    one, two = (Shannon(b, snr_linear(23.0, 5.0, 115.0, 5.0, b)) for b in (10e6, 20e6))
    ratio = one.airtime_s(1e6, 0.0) / two.airtime_s(1e6, 0.0)
    assert ratio == pytest.approx(2 * math.log2(1 + one.snr / 2) / math.log2(1 + one.snr), rel=1e-12)
    assert 1 < ratio < 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedRate(0.0),
        lambda: FixedRate(math.inf),
        lambda: Shannon(0.0, 1.0),
        lambda: Shannon(1e6, 0.0),
    ],
)
def test_impossible_channels_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="must be finite and > 0"):
        make()  # type: ignore[operator]


def test_oracle_p1_packets_of_a_resnet18_upload() -> None:
    payload_bits = 11_173_962 * 32  # 357.567 Mbit
    ethernet = PACKETS["ethernet"]
    assert ethernet.count(payload_bits) == 30_868
    assert ethernet.wire_bits(payload_bits) == payload_bits + 30_868 * 90 * 8
    assert 1448 / (1448 + ethernet.header_bytes) == pytest.approx(0.94148, abs=1e-5)


@pytest.mark.parametrize(("payload_bits", "packets"), [(0, 0), (1, 1), (8 * 1448, 1), (8 * 1448 + 1, 2)])
def test_a_begun_packet_has_a_whole_header(payload_bits: int, packets: int) -> None:
    assert PACKETS["radio"].wire_bits(payload_bits) == payload_bits + packets * 62 * 8
    assert PACKETS["none"].wire_bits(payload_bits) == payload_bits


def test_impossible_packets_are_refused() -> None:
    with pytest.raises(ValueError, match="mss_bytes must be >= 1, got 0"):
        Packets(0, 1)
    with pytest.raises(ValueError, match="header_bytes must be >= 0, got -1"):
        Packets(1, -1)
    with pytest.raises(ValueError, match="payload must be >= 0 bits, got -1"):
        Packets(1, 1).wire_bits(-1)
