"""Local optimizers and learning-rate schedules of a device (applied by learning.engine.optimizer_steps).

All operations work in place on stacks [K, d], row by row, and start anew whenever a device receives a model, so no
state outlives a period of local training. The step number is the device's own count of local steps, as for minibatches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Schedule(Protocol):
    """A part: the learning rate as a function of a device's own local steps."""

    def factor(self, step: int) -> float:
        """Return the factor of the learning rate in step 0, 1, ..."""
        ...


@dataclass(frozen=True)
class ConstantRate:
    """A constant learning rate."""

    def factor(self, step: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Inverse:
    """1 / (1 + step / half): half the rate after `half` steps, as the 1/t rates of convex theory."""

    half: float

    def __post_init__(self) -> None:
        if not 0 < self.half < math.inf:
            raise ValueError(
                f"half must be a positive number of steps, got {self.half}; leave it out for none"
            )

    def factor(self, step: int) -> float:
        """Return half / (half + step)."""
        return self.half / (self.half + step)


@dataclass(frozen=True)
class StepDecay:
    """Multiplied by `by` after every `every` steps."""

    every: int
    by: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be >= 1, got {self.every}; it is a number of local steps")
        if not 0 < self.by <= 1:
            raise ValueError(f"by must be in (0, 1], got {self.by}; 0.1 is a tenth")

    def factor(self, step: int) -> float:
        """Return by ^ floor(step / every)."""
        return float(self.by ** (step // self.every))


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 to `floor` over `steps` local steps, then constant. Source: arXiv:1608.03983."""

    citations: ClassVar[Mapping[str, str]] = {"loshchilov2016sgdr": ""}

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}; it is a number of local steps")
        if not 0 <= self.floor < 1:
            raise ValueError(f"floor must be in [0, 1), got {self.floor}; 0 ends at a standstill")

    def factor(self, step: int) -> float:
        """Return floor + (1 - floor) (1 + cos(pi step / steps)) / 2."""
        cosine = math.cos(math.pi * min(step, self.steps) / self.steps)
        return self.floor + (1 - self.floor) * (1 + cosine) / 2


CONSTANT_RATE = ConstantRate()
SMALLEST, LARGEST = 1e-30, 1e30
"""Bounds of numbers that neither vanish nor overflow in float32."""


@dataclass(frozen=True)
class Local:
    """SGD as in torch.optim: clip the gradient, add weight decay, update a velocity, step along it.

    g <- g min(1, clip / ||g||); g <- g + weight_decay w; v <- momentum v + g; w <- w - rate v, where `nesterov`
    replaces v in the last step by g + momentum v. `prox` first adds prox (w - w0), w0 being the received model, as in
    the recipe fedprox. tau_1 counts such steps, or (`unit: epochs`) passes of ceil(n / batch_size) steps over the
    device's n samples: FedAvg's E.
    """

    schedule: Schedule = CONSTANT_RATE
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip: float | None = None
    prox: float = 0.0
    unit: Literal["steps", "epochs"] = field(default="steps", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if self.unit not in ("steps", "epochs"):
            raise ValueError(f"unit must be steps or epochs, got {self.unit!r}; choose one of these")
        if not 0 <= self.prox < math.inf:
            raise ValueError(f"prox must be >= 0, got {self.prox}; 0.01 to 1 is usual")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {self.momentum}; 0.9 is usual")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum, got 0.0; 0.9 is usual")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be >= 0, got {self.weight_decay}; 1e-4 is usual")
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise ValueError(f"clip must be a positive length, got {self.clip}; leave it out for none")
        for name in ("prox", "weight_decay", "clip"):
            value = getattr(self, name)
            if value and not SMALLEST <= value <= LARGEST:
                raise ValueError(f"{name} must be between {SMALLEST:g} and {LARGEST:g}, got {value}")

    @property
    def plain(self) -> bool:
        """Whether a step is w <- w - learning_rate g, which trainers may fuse with the gradient."""
        constant = isinstance(self.schedule, ConstantRate)
        return constant and not (self.momentum or self.weight_decay or self.prox) and self.clip is None

    def velocity(self, weights: Tensor) -> Tensor | None:
        """Return the initial velocity [K, d], zeros; None without momentum."""
        import torch

        return torch.zeros_like(weights) if self.momentum else None

    def change(
        self, weights: Tensor, gradient: Tensor, velocity: Tensor | None, rates: Sequence[float]
    ) -> Tensor:
        """Return the change of weights [K, d] in one step; gradient [K, d] is overwritten, and velocity is updated.

        `rates[k]` is the leaf's learning rate times `schedule.factor(step)` of row k.
        """
        if self.clip is not None:
            length = gradient.double().square().sum(-1, keepdim=True).sqrt()
            gradient.mul_((self.clip / length).clamp_(max=1.0).nan_to_num_(1.0).to(gradient.dtype))
        if self.weight_decay:
            gradient.add_(weights, alpha=self.weight_decay)
        if velocity is not None:
            velocity.mul_(self.momentum).add_(gradient)
            gradient = gradient.add_(velocity, alpha=self.momentum) if self.nesterov else velocity
        return gradient * -gradient.new_tensor(rates)[:, None]


PLAIN = Local()
SCHEDULES: dict[str, type[Schedule]] = {
    "steady": ConstantRate,
    "inverse": Inverse,
    "stairs": StepDecay,
    "cosine": Cosine,
}
