"""Rules: how a node merges the updates of its children, streaming, into its own model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from learning.coins import Coins


class Rule(Protocol):
    """A part that merges updates one row at a time and never renormalises: weights arrive final."""

    @property
    def affine(self) -> bool:
        """True where the result is onto + sum of w_c u_c, so that exact models may be averaged instead."""

    def begin(self, like: Tensor) -> Tensor:
        """Return the empty state for models like the given one [d]."""

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Add decoded updates rows [K, d] in child order, row by row: the same bits for any chunking."""

    def end(self, state: Tensor, onto: Tensor, coins: Coins) -> Tensor:
        """Return the new model [d] from the state and the model the updates start from; coins has one row."""


@dataclass(frozen=True)
class Mean:
    """The weighted sum of the updates, on top of the model. Source: FedAvg, arXiv:1602.05629.

    `weights` says what the protocol passes in: shares of `devices` or shares of `samples` below each child.
    """

    weights: Literal["devices", "samples"] = "devices"

    def __post_init__(self) -> None:
        if self.weights not in ("devices", "samples"):
            raise ValueError(f"weights must be devices or samples, got {self.weights!r}; choose one of these")

    @property
    def affine(self) -> bool:
        """True."""
        return True

    def begin(self, like: Tensor) -> Tensor:
        """Return zeros [d]."""
        import torch

        return torch.zeros_like(like)

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Add each row times its weight; raises ValueError where the numbers of rows and weights differ."""
        for row, weight in zip(rows, weights, strict=True):
            state.add_(row, alpha=weight)

    def end(self, state: Tensor, onto: Tensor, coins: Coins) -> Tensor:
        """Return onto plus the weighted sum."""
        return onto + state


@dataclass(frozen=True)
class Vote:
    """The coordinatewise majority of rows of +-1, times `step`, on top of the model: one vote per row.

    A tie gets a fair keyed coin (`ties: random`, which keeps the vote at one bit) or no step (`ties: zero`).
    A nan among the rows makes its coordinate nan. Source: signSGD with majority vote, arXiv:1810.05291.
    """

    step: float
    ties: Literal["random", "zero"] = "random"

    def __post_init__(self) -> None:
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step must be positive and finite, got {self.step}; 0.001 is usual")
        if not 1e-30 <= self.step <= 1e30:
            raise ValueError(f"step must be between 1e-30 and 1e30, got {self.step}; 0.001 is usual")
        if self.ties not in ("random", "zero"):
            raise ValueError(f"ties must be random or zero, got {self.ties!r}; choose one of these")

    @property
    def affine(self) -> bool:
        """False: votes cannot be averaged."""
        return False

    def begin(self, like: Tensor) -> Tensor:
        """Return zeros [d]; sums of +-1 are exact in its dtype up to 2**24 votes."""
        import torch

        return torch.zeros_like(like)

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Count the rows; weights are ignored: one vote each."""
        state.add_(rows.sum(0))

    def end(self, state: Tensor, onto: Tensor, coins: Coins) -> Tensor:
        """Return onto + step * sign(count); uses draw 0 of the coins where a tie is tossed."""
        import torch

        votes = state.clamp(-1, 1)  # counts are whole: their sign, but nan stays nan
        if self.ties == "random":
            votes = torch.where(state == 0, coins.signs(len(state), state)[0], votes)
        return onto + votes * self.step


RULES: dict[str, type[Rule]] = {"mean": Mean, "vote": Vote}
