"""Server optimizers: a node's step along the mean update of its children, with momentum or adaptive rates.

Source: Adaptive Federated Optimization, arXiv:2003.00295, Algorithm 2. The memory is one row [m, v] of 2 d numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class FedOpt:
    """m <- b1 m + (1 - b1) D, v by `kind`, model <- model + rate m / (sqrt(v) + tau), D the weighted mean update.

    momentum: model <- model + rate m with m <- b1 m + D (FedAvgM). adam: v <- b2 v + (1 - b2) D^2. yogi: v <- v - (1 -
    b2) D^2 sign(v - D^2). v starts at tau^2, m at 0, without bias correction, as in the paper.
    """

    citations: ClassVar[Mapping[str, str]] = {"reddi2020fedopt": ""}

    kind: Literal["momentum", "adam", "yogi"] = "momentum"
    rate: float = 1.0
    b1: float = 0.9
    b2: float = 0.99
    tau: float = 1e-3

    def __post_init__(self) -> None:
        if self.kind not in ("momentum", "adam", "yogi"):
            raise ValueError(f"kind must be momentum, adam or yogi, got {self.kind!r}; choose one of these")
        for name, value in (("rate", self.rate), ("tau", self.tau)):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {value}; 0.01 is a start")
            if not 1e-15 <= value <= 1e15:
                raise ValueError(f"{name} must be between 1e-15 and 1e15, got {value}; 0.01 is a start")
        for name, value in (("b1", self.b1), ("b2", self.b2)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value}; 0.9 and 0.99 are usual")

    @property
    def affine(self) -> bool:
        """False: the model moves by more than its children's updates."""
        return False

    def begin(self, like: Tensor) -> Tensor:
        """Return zeros [d]."""
        import torch

        return torch.zeros_like(like)

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Add each row times its weight, in order."""
        for row, weight in zip(rows, weights, strict=True):
            state.add_(row, alpha=weight)

    def end(self, state: Tensor, model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the new model [d] of a node's first aggregation; rng is unused."""
        return self.remember(state, model, None)[0]

    def remember(self, state: Tensor, model: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return (the new model [d], the next memory row [2 d]); memory None marks a node's first aggregation."""
        import torch

        initial = torch.cat([torch.zeros_like(model), torch.full_like(model, self.tau**2)])
        m, v = (initial if memory is None else memory).chunk(2)
        if self.kind == "momentum":
            m = self.b1 * m + state
            return model + self.rate * m, torch.cat([m, v])
        square = state * state
        m = self.b1 * m + (1 - self.b1) * state
        change = square - v if self.kind == "adam" else square * (square - v).sign()
        v = v + (1 - self.b2) * change
        return model + self.rate * m / (v.sqrt() + self.tau), torch.cat([m, v])
