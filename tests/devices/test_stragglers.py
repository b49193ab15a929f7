"""The slowest of n devices: device clocks against order statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import lognorm

from netsim.devices.compute import Constant, Work
from netsim.devices.variation import Lognormal, ShiftedExponential, Spread, UniformVariation

ROUNDS = 4000


def times(law: Spread, n: int, rounds: int = ROUNDS, **more: Any) -> NDArray[np.float64]:
    """Duration of one step of n devices with mean 1 s in each round, s, [rounds, n]."""
    clock = Constant(1.0, jitter=law, **more).clock(Work(0.0, 1), range(n), 11)
    return np.array([[clock.local_work_s(k, 1, r) for k in range(n)] for r in range(rounds)])


def assert_mean(seen: NDArray[np.float64], expected: float, largest_error: float) -> None:
    """Check a mean: within four standard errors, which must be small."""
    error = float(seen.std(ddof=1)) / math.sqrt(len(seen))
    assert 0 < error < largest_error
    assert abs(float(seen.mean()) - expected) < 4 * error


@pytest.mark.parametrize(("n", "golden"), [(5, 2.2833), (10, 2.9290), (50, 4.4992), (100, 5.1874)])
def test_oracle_S1_the_slowest_of_n_exponential_devices(n: int, golden: float) -> None:
    harmonic = sum(1 / i for i in range(1, n + 1))
    assert harmonic == pytest.approx(golden, abs=5e-5)
    assert_mean(times(ShiftedExponential(1.0), n).max(axis=1), harmonic, 0.03)


def test_oracle_S1_the_80th_of_100_exponential_devices() -> None:
    drawn = np.sort(times(ShiftedExponential(1.0), 100), axis=1)[:, 79]
    assert sum(1 / i for i in range(21, 101)) == pytest.approx(1.5896, abs=5e-5)
    assert_mean(drawn, 1.5896, 0.005)


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_oracle_S2_a_shifted_exponential_adds_its_constant_part(share: float) -> None:
    slowest = times(ShiftedExponential(share), 10).max(axis=1)
    assert_mean(slowest, (1 - share) + share * 2.9289682539682538, 0.02)


@pytest.mark.parametrize("n", [3, 20])
def test_oracle_S3_the_slowest_of_n_uniform_devices(n: int) -> None:
    assert_mean(times(UniformVariation(0.0, 1.0), n).max(axis=1), n / (n + 1), 0.004)


def test_oracle_S4_the_slowest_of_n_lognormal_devices_by_quadrature() -> None:
    sigma, n = 0.6, 20
    law = lognorm(sigma, scale=math.exp(-(sigma**2) / 2))
    expected, _ = quad(lambda t: 1 - law.cdf(t) ** n, 0, 60, limit=200)
    assert law.mean() == pytest.approx(1)
    assert_mean(times(Lognormal(sigma), n).max(axis=1), expected, 0.03)


def test_oracle_S5_devices_on_time_are_binomial() -> None:
    n, deadline_s = 40, 1.2
    on_time = (times(ShiftedExponential(1.0), n) <= deadline_s).sum(axis=1).astype(float)
    p = 1 - math.exp(-deadline_s)
    assert_mean(on_time, n * p, 0.05)
    assert_mean((on_time - n * p) ** 2, n * p * (1 - p), 0.25)


def test_oracle_S1_jitter_per_step_averages_out_but_jitter_per_round_does_not() -> None:
    """Ten exponential steps have a tenth of the variance of ten times one (Erlang against exponential)."""

    def ten(every: str) -> NDArray[np.float64]:
        clock = Constant(0.1, jitter=ShiftedExponential(1.0), every=every).clock(Work(0.0, 1), range(10), 2)  # type: ignore[arg-type]
        return np.array([clock.local_work_s(k, 10, 10 * r) for r in range(2000) for k in range(10)])

    assert_mean(ten("step"), 1.0, 0.003)
    assert_mean(ten("round"), 1.0, 0.008)
    assert_mean((ten("step") - 1) ** 2, 0.1, 0.002)
    assert_mean((ten("round") - 1) ** 2, 1.0, 0.03)


def test_oracle_spreads_documented_with_mean_one_have_mean_one() -> None:
    for law in (Lognormal(0.4), ShiftedExponential(0.5), UniformVariation()):
        assert_mean(law.factors(7, range(100_000)), 1.0, 0.002)
    logs = np.log(Lognormal(0.4).factors(7, range(100_000)))
    assert (logs.mean(), logs.std()) == (pytest.approx(-0.08, abs=0.006), pytest.approx(0.4, rel=0.01))
