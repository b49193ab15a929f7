"""Device clock: the duration of local work, with a factor per device and a jitter redrawn during the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netsim.devices.variation import NoSpread, Spread

Every: TypeAlias = Literal["round", "step"]
"""When the jitter is redrawn: once per period of local work, or for each of its steps."""

BLOCK = 256
"""Neighbouring ordinals drawn at a time; siblings ask for the same step one after another."""

MAX_CACHED_BLOCKS = 8192
"""Cached blocks of draws, 2 KiB each; a discarded one is drawn again, with the same values."""


@dataclass(frozen=True)
class Work:
    """The work of one SGD step: floating-point operations (forward and backward, whole batch) and samples."""

    flops: float
    samples: int

    def __post_init__(self) -> None:
        if not 0 <= self.flops < math.inf:
            raise ValueError(f"flops must be finite and >= 0, got {self.flops}")
        if self.samples < 1:
            raise ValueError(f"samples must be >= 1, got {self.samples}; a step needs a batch")


@dataclass(frozen=True)
class Jitter:
    """Random factors on the time of local work, with a distribution as of `Spread`s, redrawn during the run."""

    law: Spread = field(default_factory=NoSpread)
    every: Every = "round"
    seed: int = 0
    _drawn: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict, compare=False)

    def duration_steps(self, ordinal: int, steps: int, first_step: int) -> float:
        """Duration of the device's steps first_step ... first_step + steps - 1, in units of its mean step time."""
        if isinstance(self.law, NoSpread):
            return float(steps)
        if self.every == "round":
            return steps * self._factor(ordinal, first_step)
        return math.fsum(self._factor(ordinal, first_step + k) for k in range(steps))

    def _factor(self, ordinal: int, step: int) -> float:
        block, index = divmod(ordinal, BLOCK)
        factors = self._drawn.get((step, block))
        if factors is None:
            if len(self._drawn) >= MAX_CACHED_BLOCKS:
                del self._drawn[next(iter(self._drawn))]
            ordinals = range(block * BLOCK, (block + 1) * BLOCK)
            factors = self._drawn[step, block] = self.law.factors(self.seed, ordinals, step)
        return float(factors[index])


@dataclass(frozen=True, eq=False)
class Clock:
    """The duration of local work of all devices of a run; made by `Compute.clock`.

    Draws are keyed by seed, device ordinal and local step, so that they do not depend on the depth of the tree or on
    the order of the calls.
    """

    ordinals: Sequence[int]
    step_s: NDArray[np.float64]
    """Mean duration of a step, s, [len(ordinals)]: includes the fixed factor of each device, but not the jitter."""
    jitter: Jitter = field(default_factory=Jitter)
    cycles: float | None = None
    """Processor cycles of a step; None if the compute model has no cycles."""
    hz: NDArray[np.float64] | None = None
    """Processor frequency of each device, [len(ordinals)]; None if the compute model has no frequency."""
    _index: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {ordinal: k for k, ordinal in enumerate(self.ordinals)})

    def local_work_s(self, ordinal: int, steps: int, first_step: int) -> float:
        """Duration of `steps` SGD steps of a device, s.

        Args:
            ordinal: the device's leaf ordinal, one of `ordinals` (else KeyError).
            steps: SGD steps of this period.
            first_step: number of local steps the device has made before in the run, the key of its draws.
        """
        mean_s = float(self.step_s[self._index[ordinal]])
        return mean_s * self.jitter.duration_steps(ordinal, steps, first_step)

    def mean_step_s(self, ordinal: int) -> float:
        """Mean duration of a step of a device, s, without jitter."""
        return float(self.step_s[self._index[ordinal]])

    def frequency_hz(self, ordinal: int) -> float | None:
        """The device's processor frequency; None if unknown."""
        return None if self.hz is None else float(self.hz[self._index[ordinal]])
