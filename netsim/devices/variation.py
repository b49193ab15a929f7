"""Variation of device times: random factors, keyed by seed, device and, where redrawn, by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.rng import normals, uniforms


class Spread(Protocol):
    """A distribution of factors on device times."""

    def factors(self, seed: int, ordinals: Sequence[int], *path: int) -> NDArray[np.float64]:
        """Factors >= 0 on the time of a step, [len(ordinals)]; entry k depends on (seed, path, ordinals[k]).

        `path` is empty for factors that are constant during a run, and the step for redrawn ones.
        """
        ...


@dataclass(frozen=True)
class NoSpread:
    """All factors are 1."""

    def factors(self, seed: int, ordinals: Sequence[int], *path: int) -> NDArray[np.float64]:
        """Ones, shape [len(ordinals)]."""
        return np.ones(len(ordinals))


@dataclass(frozen=True)
class UniformVariation:
    """Factors uniform between `low` and `high`, on the time or on the speed.

    `of: speed` divides the time by the factor: a frequency of 1 GHz with {low: 1, high: 2, of: speed} is
    f ~ U(1, 2) GHz of Tran et al. (FEDL, INFOCOM 2019).
    """

    citations: ClassVar[Mapping[str, str]] = {"tran2019federated": ""}

    low: float = 0.5
    high: float = 1.5
    of: Literal["time", "speed"] = "time"

    def __post_init__(self) -> None:
        if self.of not in ("time", "speed"):
            raise ValueError(f"of must be time or speed, got {self.of!r}")
        if not 0 <= self.low < math.inf or (self.low == 0 and self.of == "speed"):
            rule = "> 0 for a speed" if self.of == "speed" else ">= 0"
            raise ValueError(f"low must be {rule}, got {self.low}; 0.5 halves")
        if not (self.low <= self.high < math.inf and self.high > 0):
            raise ValueError(f"high must be >= low = {self.low:g} and > 0, got {self.high}; swap them?")

    def factors(self, seed: int, ordinals: Sequence[int], *path: int) -> NDArray[np.float64]:
        """See `Spread`."""
        uniform = uniforms(seed, "compute", *path, ordinals=ordinals)[:, 0]
        scaled = self.low + (self.high - self.low) * uniform
        return np.asarray(1.0 / scaled if self.of == "speed" else scaled, dtype=np.float64)


@dataclass(frozen=True)
class Lognormal:
    """Factors exp(sigma Z - sigma^2/2) on the time, with Z standard normal: mean one."""

    sigma: float

    def __post_init__(self) -> None:
        if not 0 <= self.sigma <= 5:
            raise ValueError(f"sigma must be in [0, 5], got {self.sigma}; 0.4 is a moderate spread")

    def factors(self, seed: int, ordinals: Sequence[int], *path: int) -> NDArray[np.float64]:
        """See `Spread`."""
        normal = normals(seed, "compute", *path, ordinals=ordinals)
        return np.asarray(np.exp(self.sigma * normal - self.sigma**2 / 2), dtype=np.float64)


@dataclass(frozen=True)
class ShiftedExponential:
    """Factors (1 - share) + share Exp(1) on the time: a fixed part and a memoryless delay, mean one.

    Source: the straggler model of Lee et al., arXiv:1512.02673 (section III): T >= a, T - a ~ Exp(mu), here with
    a = (1 - share) T and 1 / mu = share T. With `share` 1 the factor is exponential.
    """

    citations: ClassVar[Mapping[str, str]] = {"lee2015codes": ""}

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in [0, 1], got {self.share}; 0.5 makes half of the time random")

    def factors(self, seed: int, ordinals: Sequence[int], *path: int) -> NDArray[np.float64]:
        """See `Spread`."""
        uniform = uniforms(seed, "compute", *path, ordinals=ordinals)[:, 0]
        return np.asarray(1.0 - self.share - self.share * np.log1p(-uniform), dtype=np.float64)


SPREADS: dict[str, type[Spread]] = {
    "none": NoSpread,
    "uniform": UniformVariation,
    "lognormal": Lognormal,
    "shifted_exponential": ShiftedExponential,
}
