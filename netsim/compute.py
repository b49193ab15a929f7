"""How long a device computes: modelled seconds per SGD step, never measured ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.luck import normals
from netsim.units import DurationS, FlopRate, check_quantities, render


class Spread(Protocol):
    """How device speeds differ."""

    def factors(self, seed: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """Positive factors on the time of a step, mean one, [len(ordinals)], keyed by device ordinal."""
        ...


class Compute(Protocol):
    """A device's clock."""

    def step_seconds(self, flops_per_step: float, ordinals: Sequence[int], seed: int) -> NDArray[np.float64]:
        """Seconds of one SGD step of each device, shape [len(ordinals)].

        Args:
            flops_per_step: floating-point operations of one step (forward and backward, whole batch).
            ordinals: leaf ordinals; a deeper tree over the same devices keeps their speeds.
            seed: the scenario's seed.
        """
        ...


@dataclass(frozen=True)
class Flops:
    """Time = flops / (efficiency x rate): the model's own operation count on a processor used in part.

    Reference: efficiencies of 0.1 to 0.3 are usual for small models on general processors.
    """

    rate: FlopRate = 2e9
    efficiency: float = 0.2
    spread: Spread = field(default_factory=lambda: NoSpread())

    def __post_init__(self) -> None:
        check_quantities(self)
        if not 0 < self.efficiency <= 1:
            raise ValueError(f"efficiency must be in (0, 1], got {self.efficiency}; 0.2 is typical")

    def step_seconds(self, flops_per_step: float, ordinals: Sequence[int], seed: int) -> NDArray[np.float64]:
        """See `Compute`. Raises ValueError for a negative or non-finite flop count."""
        if not 0 <= flops_per_step < float("inf"):
            raise ValueError(f"flops_per_step must be finite and >= 0, got {flops_per_step}")
        return flops_per_step / (self.efficiency * self.rate) * self.spread.factors(seed, ordinals)

    def describe(self) -> str:
        """One line for `netsim check`."""
        return f"{render(self.rate, 'flop rate')} at efficiency {self.efficiency:g}"


@dataclass(frozen=True)
class Constant:
    """The same stated time for every SGD step, whatever the model (parity with papers that fix it)."""

    step: DurationS
    spread: Spread = field(default_factory=lambda: NoSpread())

    def __post_init__(self) -> None:
        check_quantities(self)

    def step_seconds(self, flops_per_step: float, ordinals: Sequence[int], seed: int) -> NDArray[np.float64]:
        """See `Compute`; `flops_per_step` is not used."""
        return self.step * self.spread.factors(seed, ordinals)

    def describe(self) -> str:
        """One line for `netsim check`."""
        return f"{render(self.step, 'time')} per step"


@dataclass(frozen=True)
class NoSpread:
    """All devices are equally fast."""

    def factors(self, seed: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """Ones, shape [len(ordinals)]."""
        return np.ones(len(ordinals))


@dataclass(frozen=True)
class Lognormal:
    """Factors exp(sigma Z - sigma^2/2) with Z standard normal: mean one, fixed for a run."""

    sigma: float

    def __post_init__(self) -> None:
        if not 0 <= self.sigma <= 5:
            raise ValueError(f"sigma must be in [0, 5], got {self.sigma}; 0.4 is a moderate spread")

    def factors(self, seed: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Spread`."""
        drawn = normals(seed, "compute", ordinals=ordinals)
        return np.asarray(np.exp(self.sigma * drawn - self.sigma**2 / 2), dtype=np.float64)


SPREADS: dict[str, type[Spread]] = {"none": NoSpread, "lognormal": Lognormal}
COMPUTE: dict[str, type[Compute]] = {"flops": Flops, "constant": Constant}
