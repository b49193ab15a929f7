"""Shadowing: its distribution in dB and in linear power, the keys of its draws, and correlation among siblings."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.network.radio.path_loss import LogDistance, Macro, PathLoss, RuralMacro, UrbanMacro, UrbanMicro
from netsim.network.radio.shadowing import (
    SHADOWING,
    LognormalShadowing,
    NoShadowing,
    Shadowing,
    StandardShadowing,
)


def drawn_db(
    part: Shadowing,
    offsets_m: NDArray[np.float64],
    los: list[bool] | None = None,
    pathloss: PathLoss | None = None,
    seed: int = 1,
    first: int = 0,
) -> NDArray[np.float64]:
    count = len(offsets_m)
    ordinals = range(first, first + count)
    return part.draw_db(pathloss or UrbanMicro(), los or [False] * count, offsets_m, 2e9, seed, 0, ordinals)


def pairs(count: int, apart_m: float) -> NDArray[np.float64]:
    """Pairs of children, with large distances between the pairs."""
    x_m = np.repeat(np.arange(count) * 1e6, 2)
    return np.column_stack((x_m + np.tile([0.0, apart_m], count), np.zeros(2 * count)))


def test_oracle_F9_lognormal_shadowing_averaged_as_power_is_biased() -> None:
    """Mean of 10^(X/10) is exp((s ln10/10)^2/2) = 5.4554 at 8 dB, +7.37 dB; standard error about 0.7 %."""
    linear = 10 ** (drawn_db(LognormalShadowing(8.0), np.zeros((2_000_000, 2))) / 10)
    error = linear.std() / math.sqrt(linear.size)
    assert math.exp((8 * math.log(10) / 10) ** 2 / 2) == pytest.approx(5.4554, abs=1e-4)
    assert abs(linear.mean() - 5.4554) < 4 * error
    assert error / 5.4554 < 0.01


def test_oracle_F9_in_db_shadowing_has_mean_zero_and_its_sigma() -> None:
    draw_db = drawn_db(LognormalShadowing(8.0), np.zeros((200_000, 2)), seed=2)
    assert abs(draw_db.mean()) < 4 * 8 / math.sqrt(draw_db.size)
    assert abs(draw_db.std() - 8.0) < 4 * 8 / math.sqrt(2 * draw_db.size)


def test_the_standard_sigma_depends_on_los_and_distance() -> None:
    near, far = np.tile([500.0, 0.0], (4, 1)), np.tile([5000.0, 0.0], (4, 1))
    base = drawn_db(LognormalShadowing(1.0), near)
    assert drawn_db(StandardShadowing(), near, [True] * 4) == pytest.approx(4.0 * base)
    assert drawn_db(StandardShadowing(), near) == pytest.approx(7.82 * base)
    assert drawn_db(StandardShadowing(), near, [True] * 4, RuralMacro()) == pytest.approx(4.0 * base)
    assert drawn_db(StandardShadowing(), far, [True] * 4, RuralMacro()) == pytest.approx(6.0 * base)
    assert not drawn_db(StandardShadowing(), near, pathloss=LogDistance()).any()


def test_without_correlation_a_draw_is_keyed_by_its_ordinal() -> None:
    together = drawn_db(StandardShadowing(), np.zeros((9, 2)))
    apart = [drawn_db(StandardShadowing(), np.zeros((3, 2)), first=first) for first in (0, 3, 6)]
    assert together.tolist() == np.concatenate(apart).tolist()
    assert not np.isin(together, drawn_db(StandardShadowing(), np.zeros((9, 2)), seed=2)).any()


def test_no_shadowing_adds_zero() -> None:
    assert drawn_db(NoShadowing(), np.zeros((3, 2))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("part", "los", "apart_m", "wanted"),
    [
        (LognormalShadowing(8.0, correlation=50.0), True, 50.0, math.exp(-1.0)),
        (LognormalShadowing(8.0, correlation=50.0), True, 10.0, math.exp(-0.2)),
        (StandardShadowing(correlation="standard"), True, 37.0, math.exp(-1.0)),
        (StandardShadowing(correlation="standard"), False, 37.0, math.exp(-0.74)),
    ],
)
def test_oracle_siblings_correlation_falls_exponentially(
    part: Shadowing, los: bool, apart_m: float, wanted: float
) -> None:
    """Over 6000 pairs the standard error is (1 - r^2)/sqrt(6000) < 0.013."""
    offsets_m = pairs(400, apart_m)
    rows = [drawn_db(part, offsets_m, [los] * 800, UrbanMacro(), seed).reshape(-1, 2) for seed in range(15)]
    both = np.concatenate(rows)
    error = (1 - wanted**2) / math.sqrt(len(both))
    assert abs(np.corrcoef(both.T)[0, 1] - wanted) < 4 * error
    assert error < 0.013
    assert both.std(axis=0) == pytest.approx(both.std(), rel=0.03)


def test_children_with_different_los_states_are_not_correlated() -> None:
    offsets_m = pairs(3, 0.001)
    free = drawn_db(LognormalShadowing(8.0), offsets_m)
    mixed = drawn_db(LognormalShadowing(8.0, 50.0), offsets_m, [True, False] * 3)
    alike = drawn_db(LognormalShadowing(8.0, 50.0), offsets_m)
    assert mixed == pytest.approx(free, abs=1e-7)
    assert alike[0::2] == pytest.approx(alike[1::2], abs=0.1)


def test_children_at_the_same_position_have_the_same_shadowing() -> None:
    shared = drawn_db(LognormalShadowing(8.0, 50.0), np.zeros((5, 2)))
    assert np.ptp(shared) < 0.01
    assert shared[0] == pytest.approx(drawn_db(LognormalShadowing(8.0), np.zeros((1, 2)))[0], abs=1e-8)


def test_a_standard_correlation_without_decorrelation_distance_is_rejected() -> None:
    message = "correlation is standard, but log-distance, exponent 3 has no decorrelation distance; write one"
    with pytest.raises(ValueError, match=re.escape(message)):
        drawn_db(LognormalShadowing(8.0, "standard"), np.zeros((2, 2)), pathloss=LogDistance())
    assert drawn_db(LognormalShadowing(8.0, "standard"), np.zeros((2, 2)), pathloss=Macro()).shape == (2,)


def test_too_many_correlated_siblings_are_rejected() -> None:
    with pytest.raises(ValueError, match="takes at most 4096 siblings of equal LOS state, got 4097"):
        drawn_db(LognormalShadowing(8.0, 50.0), np.zeros((4097, 2)))


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("lognormal", {"sigma": -1.0}, "sigma must be 0 dB to 20 dB, got -1 dB"),
        ("lognormal", {"sigma": 21.0}, "sigma must be 0 dB to 20 dB, got 21 dB"),
        ("lognormal", {"sigma": 8.0, "correlation": 0.0}, "correlation must be > 0"),
        ("standard", {"correlation": math.inf}, "correlation must be a finite number"),
        ("standard", {"correlation": "some"}, "correlation must be a distance or standard, got 'some'"),
    ],
)
def test_invalid_shadowing_is_rejected(name: str, bad: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        SHADOWING[name](**bad)
