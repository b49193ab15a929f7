"""Quantizer levels as a function of the global round: coarse messages at first, finer ones later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


class LevelSchedule(Protocol):
    """A part: a quantizer's levels in every global round."""

    def level(self, round_index: int) -> int:
        """Return the levels in global round `round_index`, counted from 0."""
        ...

    @property
    def least(self) -> int:
        """The fewest levels of any round, for which the quantizer's error is largest."""
        ...

    @property
    def most(self) -> int:
        """The most levels of any round."""
        ...


@dataclass(frozen=True)
class DoublingLevels:
    """`first` levels, doubled after every `every` global rounds up to `most`: one more bit per coordinate each time.

    DAdaQuant (arXiv:2111.00465) also doubles its levels, but whenever the loss stalls; a schedule needs no values.
    """

    citations: ClassVar[Mapping[str, str]] = {"hoenig2021dadaquant": ""}

    first: int
    every: int
    most: int = 255

    def __post_init__(self) -> None:
        _check(self.first, self.every, self.most)

    def level(self, round_index: int) -> int:
        """Return first 2^floor(turn / every), at most `most`."""
        return min(self.most, self.first << min(round_index // self.every, 64))

    @property
    def least(self) -> int:
        """The first."""
        return self.first


@dataclass(frozen=True)
class LinearLevels:
    """`first` levels and `by` more after every `every` global rounds, up to `most`."""

    first: int
    by: int
    every: int = 1
    most: int = 255

    def __post_init__(self) -> None:
        _check(self.first, self.every, self.most)
        if self.by < 1:
            raise ValueError(
                f"by must be >= 1 level, got {self.by}; for the same in every round write a number"
            )

    def level(self, round_index: int) -> int:
        """Return first + by floor(turn / every), at most `most`."""
        return min(self.most, self.first + self.by * (round_index // self.every))

    @property
    def least(self) -> int:
        """The first."""
        return self.first


@dataclass(frozen=True)
class StepLevels:
    """`levels[0]` for the first `rounds[0]` global rounds, then `levels[1]` until round `rounds[1]`, and so on."""

    levels: tuple[int, ...]
    rounds: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.rounds) + 1:
            numbers = f"{len(self.levels)} for {len(self.rounds)}"
            raise ValueError(
                f"levels needs one entry more than rounds, at whose ends they change, got {numbers}"
            )
        if min(self.levels) < 1:
            raise ValueError(f"levels must be >= 1, got {list(self.levels)}")
        if list(self.rounds) != sorted(set(self.rounds)) or min(self.rounds, default=1) < 1:
            raise ValueError(f"rounds must rise from at least 1, got {list(self.rounds)}")

    def level(self, round_index: int) -> int:
        """Return the levels of the interval that contains the round."""
        return self.levels[sum(round_index >= end for end in self.rounds)]

    @property
    def least(self) -> int:
        """The smallest."""
        return min(self.levels)

    @property
    def most(self) -> int:
        """The largest."""
        return max(self.levels)


def _check(first: int, every: int, most: int) -> None:
    if first < 1:
        raise ValueError(f"first must be >= 1 level, got {first}")
    if every < 1:
        raise ValueError(f"every must be >= 1 round, got {every}")
    if most < first:
        raise ValueError(f"most must be at least the {first} levels of the first round, got {most}")


LEVEL_SCHEDULES: dict[str, type[LevelSchedule]] = {
    "doubling": DoublingLevels,
    "linear": LinearLevels,
    "steps": StepLevels,
}
