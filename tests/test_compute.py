"""Device clocks: modelled time, spread keyed by device."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from netsim.compute import Constant, Flops, Lognormal
from netsim.luck import normals, uniforms


def test_oracle_time_is_operations_over_used_rate() -> None:
    assert Flops(2e9, 0.2).step_seconds(8e8, [0, 5], seed=1).tolist() == [2.0, 2.0]
    assert Constant(0.03).step_seconds(8e8, [0, 5], seed=1).tolist() == [0.03, 0.03]


def test_oracle_a_lognormal_spread_has_mean_one_and_its_sigma() -> None:
    factors = Lognormal(0.4).factors(7, range(100_000))
    error = factors.std() / math.sqrt(100_000)
    assert error < 0.002
    assert abs(factors.mean() - 1) < 4 * error
    assert np.log(factors).std() == pytest.approx(0.4, rel=0.01)
    assert np.log(factors).mean() == pytest.approx(-0.08, abs=0.006)


def test_a_device_keeps_its_speed_whoever_is_asked_about() -> None:
    clock = Flops(spread=Lognormal(0.5))
    together = clock.step_seconds(1e6, range(20), seed=3)
    assert clock.step_seconds(1e6, [17, 2, 17], seed=3).tolist() == together[[17, 2, 17]].tolist()
    assert not np.array_equal(clock.step_seconds(1e6, range(20), seed=4), together)


def test_draws_belong_to_seed_stream_path_and_ordinal() -> None:
    base = uniforms(1, "channel", 2, ordinals=[5])
    others = [
        uniforms(2, "channel", 2, ordinals=[5]),
        uniforms(1, "compute", 2, ordinals=[5]),
        uniforms(1, "channel", 3, ordinals=[5]),
        uniforms(1, "channel", 2, ordinals=[6]),
    ]
    assert all(not np.array_equal(base, other) for other in others)
    assert np.array_equal(base, uniforms(1, "channel", 2, ordinals=[9, 5])[1:])


def test_oracle_uniforms_and_normals_have_their_moments() -> None:
    flat, bell = uniforms(1, "x", ordinals=range(50_000)), normals(1, "x", ordinals=range(50_000))
    assert flat.mean() == pytest.approx(0.5, abs=0.003)
    assert flat.var() == pytest.approx(1 / 12, rel=0.01)
    assert (bell.mean(), bell.var()) == (pytest.approx(0, abs=0.018), pytest.approx(1, rel=0.026))
    assert (bell**4).mean() == pytest.approx(3, rel=0.06)


@pytest.mark.parametrize(
    ("make", "bad", "said"),
    [
        (Flops, {"efficiency": 0.0}, "efficiency must be in (0, 1], got 0.0"),
        (Flops, {"efficiency": 1.1}, "efficiency must be in (0, 1]"),
        (Flops, {"rate": 0.0}, "rate must be > 0"),
        (Constant, {"step": 0.0}, "step must be > 0"),
        (Lognormal, {"sigma": -0.1}, "sigma must be in [0, 5], got -0.1"),
        (Lognormal, {"sigma": math.nan}, "sigma must be in [0, 5], got nan"),
    ],
)
def test_an_impossible_clock_is_refused(make: Any, bad: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        make(**bad)
    with pytest.raises(ValueError, match="flops_per_step must be finite"):
        Flops().step_seconds(math.nan, [0], 1)
