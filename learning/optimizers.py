"""Local optimisers: what a device makes of a gradient (see learning.engine.optimizer_steps).

Everything works in place on stacks [K, d], row by row, and starts anew whenever a device hears a model, so that no
row outlives a visit. The step number is the device's own count of local steps, as for minibatches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Schedule(Protocol):
    """How the learning rate changes with a device's own local steps."""

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by in step 0, 1, ..."""
        ...


@dataclass(frozen=True)
class ConstantRate:
    """The learning rate as it is."""

    def factor(self, step: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class Inverse:
    """1 / (1 + step / half): halved after `half` steps, as the 1/t rates of convex theory."""

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
    """Half a cosine from 1 to `floor` over `steps` local steps, `floor` from then on. Source: arXiv:1608.03983."""

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}; it is a number of local steps")
        if not 0 <= self.floor < 1:
            raise ValueError(f"floor must be in [0, 1), got {self.floor}; 0 ends at a standstill")

    def factor(self, step: int) -> float:
        """Return floor + (1 - floor) (1 + cos(pi step / steps)) / 2."""
        turned = math.cos(math.pi * min(step, self.steps) / self.steps)
        return self.floor + (1 - self.floor) * (1 + turned) / 2


STEADY = ConstantRate()


SMALLEST, LARGEST = 1e-30, 1e30
"""Numbers that float32 neither loses nor takes for infinite."""


@dataclass(frozen=True)
class Local:
    """SGD as torch.optim has it: clip to a length, add the decay, keep a velocity, step along it.

    g <- g min(1, clip / ||g||); g <- g + weight_decay w; v <- momentum v + g; w <- w - rate v, with g + momentum v
    for v in the last step of `nesterov`. `prox` first adds prox (w - w0), w0 being the model that was heard:
    as the recipe fedprox. tau_1 counts such steps, or (`unit: epochs`) as many of them as a pass over the device's
    n samples has, ceil(n / batch_size): FedAvg's E.
    """

    schedule: Schedule = STEADY
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
        """Whether a step is w <- w - learning_rate g, which trainers may fuse into the gradient."""
        steady = isinstance(self.schedule, ConstantRate)
        return steady and not (self.momentum or self.weight_decay or self.prox) and self.clip is None

    def velocity(self, weights: Tensor) -> Tensor | None:
        """The velocity [K, d] at rest; None where there is no momentum."""
        import torch

        return torch.zeros_like(weights) if self.momentum else None

    def change(
        self, weights: Tensor, gradient: Tensor, velocity: Tensor | None, rates: Sequence[float]
    ) -> Tensor:
        """What one step adds to weights [K, d]; gradient [K, d] is overwritten, velocity moves on.

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
