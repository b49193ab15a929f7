"""Fading distributions and models against closed forms: outage, ergodic rates, block and quasi-static fading."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import exp1

from netsim.network.channel import Channel
from netsim.network.radio.block_fading import CHUNK, BlockFadingChannel, QuasiStaticChannel
from netsim.network.radio.fading import FADING, Block, ChannelContext, Ergodic, Fading, NoFading, QuasiStatic
from netsim.network.radio.fading_distributions import (
    FADING_DISTRIBUTIONS,
    FadingDistribution,
    Nakagami,
    Rayleigh,
    Rician,
)
from netsim.network.radio.rate_maps import RATE_MAPS, CqiTable, RateMap, Shannon, TruncatedShannon

BAND_HZ = 1e6


def channel(fading: Fading, snr_db: float, rates: RateMap | None = None, ordinal: int = 0) -> Channel:
    context = ChannelContext(BAND_HZ, 2e9, "up", 7, 0, [ordinal])
    found = fading.channels(np.array([10 ** (snr_db / 10)]), rates or Shannon(), context)[0]
    assert found is not None
    return found


def efficiency(fading: Fading, snr_db: float, rates: RateMap | None = None) -> float:
    """Mean rate / bandwidth, from the airtime of a message if it is not random."""
    found = channel(fading, snr_db, rates)
    return found.mean_rate_bps / BAND_HZ


@pytest.mark.parametrize(
    ("snr_db", "golden"), [(-5, 0.362150), (0, 0.860347), (5, 1.715974), (10, 2.906515), (20, 5.884048)]
)
def test_oracle_F1_ergodic_rayleigh(snr_db: float, golden: float) -> None:
    snr = 10 ** (snr_db / 10)
    exact = math.exp(1 / snr) * float(exp1(1 / snr)) / math.log(2)
    assert efficiency(Ergodic(), snr_db) == pytest.approx(exact, rel=1e-12)
    assert channel(Ergodic(), snr_db).airtime_s(1e6, 3.0) == pytest.approx(1 / exact, rel=1e-12)
    assert exact == pytest.approx(golden, abs=6e-7)


@pytest.mark.parametrize("snr_db", [-40, -10, 0, 10, 40])
def test_oracle_F1_the_quadrature_equals_the_closed_form(snr_db: float) -> None:
    assert efficiency(Ergodic(Nakagami(1.0)), snr_db) == pytest.approx(
        efficiency(Ergodic(), snr_db), rel=1e-11
    )


def test_oracle_F2_jensen_gap_at_10_db() -> None:
    mean, at_mean = efficiency(Ergodic(), 10), efficiency(NoFading(), 10)
    assert mean == pytest.approx(2.9065, abs=5e-5)
    assert at_mean == pytest.approx(math.log2(11), rel=1e-12)
    assert mean / at_mean == pytest.approx(0.84, abs=2e-3)


@pytest.mark.parametrize("law", [Rayleigh(), Rician(3.0), Nakagami(0.7)])
@pytest.mark.parametrize("snr_db", [-20, 0, 30])
def test_oracle_F2_fading_lowers_the_rate_under_a_concave_map(law: FadingDistribution, snr_db: float) -> None:
    assert efficiency(Ergodic(law), snr_db) < efficiency(NoFading(), snr_db)


def test_oracle_F3_rayleigh_outage_and_the_outage_rate() -> None:
    assert float(Rayleigh().cdf(np.array(0.1))) == pytest.approx(-math.expm1(-0.1), rel=1e-14)
    one = channel(QuasiStatic(outage_rate=0.1), 10)
    assert isinstance(one, QuasiStaticChannel)
    assert one.min_rate_bps / BAND_HZ == pytest.approx(math.log2(1 - 10 * math.log(0.9)), rel=1e-12)
    assert one.min_rate_bps / BAND_HZ == pytest.approx(1.03816, abs=5e-6)


def test_oracle_F4_nakagami_outage() -> None:
    assert float(Nakagami(2.0).cdf(np.array(0.1))) == pytest.approx(0.0175231, abs=5e-8)


def test_oracle_F5_rician_outage() -> None:
    assert float(Rician(9.0).cdf(np.array(0.1))) == pytest.approx(0.00210152, abs=5e-9)


@pytest.mark.parametrize(("outage", "golden"), [(1e-2, 0.522), (1e-4, 0.834), (1e-6, 1.161)])
def test_oracle_F6_the_mean_inverse_rate_is_finite_only_above_an_outage(outage: float, golden: float) -> None:
    """1 / E[R] is .3441; the values of the table have a sampling error of about 1 %, the integral has none."""

    def slowness(t: float) -> float:
        return math.exp(t - math.exp(t)) / math.log2(1 + 10 * math.exp(t))

    exact = quad(slowness, math.log(-math.log1p(-outage)), 4, epsabs=1e-13, limit=400)[0] / (1 - outage)
    slow = 1 / efficiency(QuasiStatic(outage_rate=outage), 10)
    assert slow == pytest.approx(exact, rel=1e-9)
    assert slow == pytest.approx(golden, rel=1e-2)
    assert slow > 1 / efficiency(Ergodic(), 10) == pytest.approx(0.3441, abs=5e-5)


def test_oracle_F6_the_mean_inverse_rate_grows_with_the_logarithm_of_the_outage() -> None:
    slow = [1 / efficiency(QuasiStatic(outage_rate=10.0**-n), 10) for n in (5, 6, 7, 8)]
    near_0 = math.log(2) / 10 * math.log(10)  # 1/log2(1+10h) ~ ln2/(10h): each decade adds this much
    assert np.diff(slow) == pytest.approx([near_0] * 3, rel=1e-3)


def test_oracle_F6_messages_have_that_mean_airtime() -> None:
    one = channel(QuasiStatic(outage_rate=1e-2), 10)
    times = np.array([one.airtime_s(BAND_HZ, float(k)) for k in range(20_000)])
    error = times.std(ddof=1) / math.sqrt(len(times))
    assert error < 0.01
    assert abs(times.mean() - BAND_HZ / one.mean_rate_bps) < 4 * error


@pytest.mark.parametrize("fading", [FADING["quasi_static"], lambda: QuasiStatic(Rician(3.0))])
def test_quasi_static_without_an_outage_rule_is_rejected_with_the_reason(fading: Any) -> None:
    with pytest.raises(ValueError, match=re.escape("E[1/R] = infinity")):
        fading()


def test_the_gain_is_constant_within_a_message_and_differs_between_messages() -> None:
    one = channel(QuasiStatic(min_snr=0.0), 10)
    first = [one.airtime_s(1e6, 5.0), one.airtime_s(2e6, 5.0) / 2]
    assert first[0] == first[1] != one.airtime_s(1e6, 6.0)
    assert max(one.airtime_s(1e6, 10.0 + k) for k in range(500)) <= 1.0  # at 0 dB: 1 bit/s/Hz


@pytest.mark.parametrize(
    ("blocks", "ratio", "spread"), [(0.17, 1.463, 0.93), (1.7, 1.062, 0.34), (17, 1.0067, 0.108)]
)
def test_oracle_F7_block_fading_takes_longer_by_the_overshoot(
    blocks: float, ratio: float, spread: float
) -> None:
    """The last block is used in part, so E[T] = (S + E[overshoot]) / E[R] by Wald."""
    one = channel(Block(coherence_time=0.02), 10)
    bits = blocks * 0.02 * one.mean_rate_bps
    starts = 0.02 * np.arange(0, 6000 * (3 + 3 * math.ceil(blocks)), 3 + 3 * math.ceil(blocks))
    times = np.array([one.airtime_s(bits, t) for t in starts.tolist()]) * one.mean_rate_bps / bits
    error = times.std(ddof=1) / math.sqrt(len(times))
    assert error < 0.02 * ratio
    assert abs(times.mean() - ratio) < 4 * error + 2e-3
    assert times.std() / times.mean() == pytest.approx(spread, rel=0.05)


def test_oracle_F7_a_long_message_takes_its_mean_time() -> None:
    one = channel(Block(coherence_time=0.02), 10)
    assert one.airtime_s(1e4 * one.mean_rate_bps, 0.013) == pytest.approx(1e4, rel=4 * 0.48 / math.sqrt(5e5))


@pytest.mark.parametrize("at_s", [0.0, 0.0133, 0.02, 5.1199, CHUNK * 0.02 - 1e-9, 1234.5678])
@pytest.mark.parametrize("bits", [1.0, 3e4, 1e6, 4e7])
def test_oracle_block_fading_equals_a_sum_block_by_block(at_s: float, bits: float) -> None:
    one = channel(Block(coherence_time=0.02), 10)
    assert isinstance(one, BlockFadingChannel)
    now, left = at_s, bits
    while left > 1e-9:
        block = math.floor(now / 0.02 + 1e-9)
        gain = Rayleigh().sample(one.fading.generator(block // CHUNK), CHUNK)[block % CHUNK]
        rate_bps = BAND_HZ * math.log2(1 + 10 * gain)
        use_s = min((block + 1) * 0.02 - now, left / rate_bps)
        now, left = now + use_s, left - use_s * rate_bps
    assert one.airtime_s(bits, at_s) == pytest.approx(now - at_s, rel=1e-9)


def test_splitting_a_message_over_blocks_does_not_change_its_time() -> None:
    one = channel(Block(speed=3.0), 10)
    half_s = one.airtime_s(5e5, 2.0)
    assert half_s + one.airtime_s(5e5, 2.0 + half_s) == pytest.approx(one.airtime_s(1e6, 2.0), rel=1e-9)
    assert one.airtime_s(0.0, 2.0) == 0.0


def test_oracle_coherence_time_of_a_speed() -> None:
    walking = Block(speed=3 / 3.6).coherence_s(2e9)
    assert walking == pytest.approx(0.423 / (3 / 3.6 * 2e9 / 3e8), rel=1e-12)
    assert walking == pytest.approx(0.076, abs=5e-4)


@pytest.mark.parametrize("rates", [part() for part in RATE_MAPS.values()])
@pytest.mark.parametrize("snr_db", [-5, 10, 30])
def test_rician_limits_are_rayleigh_and_no_fading(rates: RateMap, snr_db: float) -> None:
    rayleigh = efficiency(Ergodic(), snr_db, rates)
    assert efficiency(Ergodic(Rician(-40.0)), snr_db, rates) == pytest.approx(rayleigh, rel=1e-3)
    assert efficiency(Ergodic(Nakagami(1.0)), snr_db, rates) == pytest.approx(rayleigh, rel=1e-9)
    steady = efficiency(NoFading(), snr_db, rates)
    for law in (Rician(40.0), Nakagami(1e4)):
        assert efficiency(Ergodic(law), snr_db, rates) == pytest.approx(steady, rel=1e-2)


@pytest.mark.parametrize("law", [Rayleigh(), Rician(), Nakagami(0.5), Nakagami()])
@pytest.mark.parametrize("snr", [0.1, 10.0, 1000.0])
def test_oracle_the_average_over_a_table_is_the_sum_of_steps_times_survival(
    law: FadingDistribution, snr: float
) -> None:
    rates = CqiTable()
    steps = np.array(rates.breakpoints("up"))
    heights = np.diff(rates.efficiency(steps, "up"), prepend=0.0)
    exact = float(heights @ (1 - law.cdf(steps / snr)))
    assert efficiency(Ergodic(law), 10 * math.log10(snr), rates) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("law", [Rayleigh(), Rician(), Rician(-5.0), Nakagami(0.5), Nakagami(4.0)])
def test_oracle_samples_follow_their_distribution_with_unit_mean(law: FadingDistribution) -> None:
    drawn = np.sort(law.sample(np.random.Generator(np.random.Philox(key=4)), 40_000))
    error = drawn.std() / math.sqrt(40_000)
    assert error < 0.01
    assert abs(drawn.mean() - 1) < 4 * error
    assert np.abs(law.cdf(drawn) - (np.arange(40_000) + 0.5) / 40_000).max() < 1.95 / math.sqrt(40_000)
    assert law.cdf(law.quantile(np.array([1e-6, 0.1, 0.9]))) == pytest.approx([1e-6, 0.1, 0.9], rel=1e-9)
    area = quad(lambda x: float(law.pdf(np.array(x))), 0.5, 2)[0]
    assert area == pytest.approx(float(law.cdf(np.array(2.0)) - law.cdf(np.array(0.5))), rel=1e-9)


def test_fading_is_keyed_by_child_and_direction_only() -> None:
    def airtimes(direction: Any, ordinals: list[int]) -> list[float]:
        context = ChannelContext(BAND_HZ, 2e9, direction, 7, 0, ordinals)
        found = Block(coherence_time=0.01).channels(np.full(len(ordinals), 10.0), Shannon(), context)
        return [one.airtime_s(1e5, 1.0) for one in found if one is not None]

    assert airtimes("up", [5, 6, 7])[1:] == airtimes("up", [6, 7])
    assert len({*airtimes("up", [5, 6]), *airtimes("down", [5, 6])}) == 4


@pytest.mark.parametrize(
    "fading",
    [
        NoFading(),
        Ergodic(),
        Block(coherence_time=0.01),
        QuasiStatic(outage_rate=0.01),
        QuasiStatic(min_snr=-5.0),
    ],
)
def test_a_link_far_below_the_floor_has_no_channel(fading: Fading) -> None:
    context = ChannelContext(BAND_HZ, 2e9, "up", 7, 0, [0, 1])
    found = fading.channels(np.array([10 ** (-4.0), 100.0]), TruncatedShannon(), context)
    assert found[0] is None
    assert found[1] is not None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rician(60.0), "k must be -40 dB to 40 dB, got 60 dB"),
        (lambda: Nakagami(0.1), "m must be 0.5 to 10000, got 0.1"),
        (Block, "block fading needs coherence_time or speed, got neither"),
        (lambda: Block(Rayleigh(), 0.01, 3.0), "block fading needs coherence_time or speed, got both"),
        (lambda: Block(Rayleigh(), 0.0), "coherence_time must be > 0"),
        (lambda: QuasiStatic(Rayleigh(), 0.1, 3.0), "got both; remove one"),
        (lambda: QuasiStatic(Rayleigh(), 1.5), "outage_rate must be 1e-9 to 0.999, got 1.5"),
    ],
)
def test_invalid_fading_is_rejected(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_descriptions_of_fading_models() -> None:
    message = [part().describe() for part in FADING_DISTRIBUTIONS.values()] + [
        Ergodic().describe(),
        NoFading().describe(),
    ]
    assert message == ["Rayleigh", "Rician, K 9 dB", "Nakagami, m 1.5", "ergodic Rayleigh", "no fading"]
    assert Block(speed=3 / 3.6).describe() == "block Rayleigh at 3 km/h"
    assert Block(coherence_time=0.02).describe() == "block Rayleigh, 20 ms coherence"
    assert QuasiStatic(min_snr=3.0).describe() == "quasi-static Rayleigh, 3 dB"
