"""Level schedules: the levels of each schedule, and their effect on compressors that contain a quantizer."""

from __future__ import annotations

from typing import Any

import pytest

from learning.compressors import (
    LEVEL_SCHEDULES,
    Adaptive,
    Chain,
    Compressor,
    Dither,
    Ef21,
    ErrorFeedback,
    LevelSchedule,
    Plain,
    Qsgd,
    TopK,
    at_round,
    is_adaptive,
)
from learning.compressors.level_schedules import DoublingLevels, LinearLevels, StepLevels

LAWS: list[tuple[LevelSchedule, list[int]]] = [
    (DoublingLevels(2, 3, 12), [2, 2, 2, 4, 4, 4, 8, 8, 8, 12, 12, 12, 12]),
    (LinearLevels(3, 2, 2, 8), [3, 3, 5, 5, 7, 7, 8, 8]),
    (StepLevels((4, 16, 2), (2, 5)), [4, 4, 16, 16, 16, 2, 2]),
]
GROWING = Adaptive(Qsgd(4, 16), DoublingLevels(4, 2))


@pytest.mark.parametrize(("schedule", "levels"), LAWS)
def test_levels_of_each_round(schedule: LevelSchedule, levels: list[int]) -> None:
    assert {type(one) for one, _ in LAWS} == set(LEVEL_SCHEDULES.values())
    assert [schedule.level(turn) for turn in range(len(levels))] == levels
    assert (schedule.least, schedule.most) == (min(levels), max(levels))
    assert schedule.level(10**9) == levels[-1]


@pytest.mark.parametrize(
    ("codec", "later"),
    [
        (GROWING, Qsgd(8, 16)),
        (Adaptive(Dither(4, 9, "entropy"), StepLevels((4, 6), (1,))), Dither(6, 9, "entropy")),
        (ErrorFeedback(GROWING), ErrorFeedback(Qsgd(8, 16))),
        (Ef21(Chain(TopK(0.3), GROWING)), Ef21(Chain(TopK(0.3), Qsgd(8, 16)))),
    ],
    ids=repr,
)
def test_the_compressor_of_a_round_has_the_levels_of_the_round(codec: Compressor, later: Compressor) -> None:
    assert is_adaptive(codec)
    assert at_round(codec, 2) == later
    assert at_round(codec, 2) is at_round(codec, 2)
    assert at_round(codec, 0).bits(1000) == codec.bits(1000)
    assert at_round(later, 2) is later


def test_omega_is_that_of_the_coarsest_round() -> None:
    falling = Adaptive(Qsgd(64, 16), StepLevels((64, 4), (9,)))
    assert falling.omega(100) == Qsgd(4, 16).omega(100)


@pytest.mark.parametrize(
    ("part", "arguments", "message"),
    [
        (Adaptive, (Plain(), DoublingLevels(4, 2)), "of must be qsgd or dither"),
        (Adaptive, (Qsgd(8), DoublingLevels(4, 2)), "of has 8 levels, but the first round has 4"),
        (Adaptive, (Qsgd(4), DoublingLevels(4, 2, 10**6)), "levels must be 1 to"),
        (DoublingLevels, (0, 2), "first must be >= 1"), (DoublingLevels, (4, 0), "every must be >= 1"),
        (DoublingLevels, (4, 2, 3), "most must be at least the 4"), (LinearLevels, (4, 0), "by must be >= 1"),
        (StepLevels, ((4, 8), (2, 3)), "levels needs one entry more than rounds"), (StepLevels, ((0, 8), (2,)), "levels must be"),
        (StepLevels, ((4, 8), (0,)), "rounds must rise from at least 1"), (StepLevels, ((4, 8, 9), (3, 3)), "rounds must rise"),
    ],
)  # fmt: skip
def test_a_wrong_schedule_is_rejected_with_its_value(
    part: Any, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        part(*arguments)
