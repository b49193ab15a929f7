"""Staleness: the weights of answers that arrive in a later aggregation than the one they were requested for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol


class Staleness(Protocol):
    """The factor on the weight of an answer that arrives `age` aggregations after the one it was requested for."""

    def factor(self, age: int) -> float:
        """The factor, in (0, 1]; 1 at age 0."""
        ...


@dataclass(frozen=True)
class NoDiscount:
    """Old answers have the same weight as new ones."""

    def factor(self, age: int) -> float:
        """See `Staleness`."""
        return 1.0


@dataclass(frozen=True)
class Polynomial:
    """(1 + age)^-exponent. Source: FedAsync, arXiv:1903.03934, 5.2; FedBuff, arXiv:2106.06639, takes 1/2."""

    citations: ClassVar[Mapping[str, str]] = {"xie2019fedasync": "", "nguyen2022fedbuff": ""}

    exponent: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.exponent < math.inf:
            raise ValueError(
                f"exponent must be > 0, got {self.exponent}; 0.5 is usual, for none use indifferent"
            )

    def factor(self, age: int) -> float:
        """See `Staleness`."""
        return float((1 + age) ** -self.exponent)


@dataclass(frozen=True)
class Hinge:
    """1 up to age `grace`, then 1 / (slope (age - grace) + 1). Source: FedAsync, arXiv:1903.03934, 5.2."""

    citations: ClassVar[Mapping[str, str]] = {"xie2019fedasync": ""}

    slope: float = 10.0
    grace: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.slope < math.inf:
            raise ValueError(f"slope must be > 0, got {self.slope}; 10 is the paper's")
        if self.grace < 0:
            raise ValueError(f"grace must be >= 0, got {self.grace}; 4 is the paper's")

    def factor(self, age: int) -> float:
        """See `Staleness`."""
        return 1.0 if age <= self.grace else 1.0 / (self.slope * (age - self.grace) + 1.0)


STALENESS: dict[str, type[Staleness]] = {"indifferent": NoDiscount, "polynomial": Polynomial, "hinge": Hinge}
