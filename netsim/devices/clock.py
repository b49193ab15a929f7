"""Clocks of devices: the seconds of each period of local work, a part fixed for the run and a part redrawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netsim.devices.variation import NoSpread, Spread

Every: TypeAlias = Literal["round", "step"]
"""When jitter is redrawn: once per period of local work, or for each of its steps."""

BLOCK = 256
"""Neighbouring ordinals drawn at a time; siblings ask for the same step one after another."""

BLOCKS_KEPT = 8192
"""Drawn blocks remembered, 2 KiB each; an older one is drawn again, to the same values."""


@dataclass(frozen=True)
class Work:
    """What one SGD step computes: floating-point operations (forward and backward, whole batch) and samples."""

    flops: float
    samples: int

    def __post_init__(self) -> None:
        if not 0 <= self.flops < math.inf:
            raise ValueError(f"flops must be finite and >= 0, got {self.flops}")
        if self.samples < 1:
            raise ValueError(f"samples must be >= 1, got {self.samples}; a step needs a batch")


@dataclass(frozen=True)
class Jitter:
    """Factors redrawn in time: a law with mean factors as `Spread`s have, and when it is redrawn."""

    law: Spread = field(default_factory=NoSpread)
    every: Every = "round"
    seed: int = 0
    _drawn: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict, compare=False)

    def steps(self, ordinal: int, steps: int, first_step: int) -> float:
        """How many mean steps' time the device's steps first_step ... first_step + steps - 1 take."""
        if isinstance(self.law, NoSpread):
            return float(steps)
        if self.every == "round":
            return steps * self._factor(ordinal, first_step)
        return math.fsum(self._factor(ordinal, first_step + k) for k in range(steps))

    def _factor(self, ordinal: int, step: int) -> float:
        block, place = divmod(ordinal, BLOCK)
        factors = self._drawn.get((step, block))
        if factors is None:
            if len(self._drawn) >= BLOCKS_KEPT:
                del self._drawn[next(iter(self._drawn))]
            row = range(block * BLOCK, (block + 1) * BLOCK)
            factors = self._drawn[step, block] = self.law.factors(self.seed, row, step)
        return float(factors[place])


@dataclass(frozen=True, eq=False)
class Clock:
    """The seconds of local work of a run's devices; made by `Compute.clock`.

    Draws belong to seed, device ordinal and local step, so that a deeper tree over the same devices keeps
    them, as does a run that asks in another order.
    """

    ordinals: Sequence[int]
    step_s: NDArray[np.float64]
    """Mean seconds of a step, [len(ordinals)]: differences that last for the run are in it, jitter is not."""
    jitter: Jitter = field(default_factory=Jitter)
    cycles: float | None = None
    """Processor cycles of a step; None where the compute part counts none."""
    hz: NDArray[np.float64] | None = None
    """Processor frequency of each device, [len(ordinals)]; None where the compute part knows none."""
    _place: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {ordinal: k for k, ordinal in enumerate(self.ordinals)})

    def local_work_s(self, ordinal: int, steps: int, first_step: int) -> float:
        """Seconds that a device computes for `steps` SGD steps.

        Args:
            ordinal: the device's leaf ordinal, one of `ordinals` (else KeyError).
            steps: SGD steps of this period.
            first_step: local steps the device has made before in the run: what its draws are keyed by.
        """
        return float(self.step_s[self._place[ordinal]]) * self.jitter.steps(ordinal, steps, first_step)

    def mean_step_s(self, ordinal: int) -> float:
        """Mean seconds of a device's step, as known before the run."""
        return float(self.step_s[self._place[ordinal]])

    def hz_of(self, ordinal: int) -> float | None:
        """The device's processor frequency; None where unknown."""
        return None if self.hz is None else float(self.hz[self._place[ordinal]])
