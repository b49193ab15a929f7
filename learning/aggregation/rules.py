"""Aggregation rules: how a node adds the updates of its children, one row at a time, to its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeGuard

from learning.aggregation.robust import Median, TrimmedMean
from learning.aggregation.server_optimizers import FedOpt
from learning.compressors.kernel_rows import as_kernel_rows, has_kernels
from learning.compressors.sign import random_zero_signs
from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


TIE = 1e-6
"""Share of all weights up to which a weighted majority is a tie: above float32's rounding, below a device's weight."""


class Rule(Protocol):
    """A part that aggregates updates one row at a time. Weights arrive final and are never renormalised."""

    @property
    def affine(self) -> bool:
        """True where the result is model + sum of w_c u_c, so that exact models may be averaged instead."""

    def begin(self, like: Tensor) -> Any:
        """Return the empty state for models like the given one [d]; its type is internal to the rule."""

    def add(self, state: Any, rows: Tensor, weights: Sequence[float]) -> None:
        """Add decoded updates rows [K, d] in child order, row by row: the same bits for any chunking."""

    def end(self, state: Any, model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the new model [d] from the state and the model to which the updates are added; rng has one row."""


class StatefulRule(Rule, Protocol):
    """A rule with one memory row per node, which the engine stores: a second output of every aggregation."""

    def remember(self, state: Tensor, model: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `end`, from the memory row of the node's last aggregation (None: the first); also returns the next row."""


def is_stateful_rule(rule: Rule) -> TypeGuard[StatefulRule]:
    """Whether the rule has a memory row per node."""
    return hasattr(rule, "remember")


@dataclass(frozen=True)
class Mean:
    """The weighted sum of the updates, added to the model. Source: FedAvg, arXiv:1602.05629.

    `weights` selects the weights that the protocol passes: shares of `devices` or shares of `samples` below each child.
    """

    citations: ClassVar[Mapping[str, str]] = {"mcmahan2016fedavg": ""}

    weights: Literal["devices", "samples"] = field(default="devices", metadata=VALUE_NEUTRAL)

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
        """Add each row times its weight. Raises ValueError where the numbers of rows and weights differ."""
        for row, weight in zip(rows, weights, strict=True):
            state.add_(row, alpha=weight)

    def end(self, state: Tensor, model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the model plus the weighted sum."""
        return model + state


@dataclass(frozen=True)
class Vote:
    """The coordinatewise majority of rows of +-1, times `step`, added to the model.

    Without `weights` every row has one vote; `devices` and `samples` weight it by what is below its sender. A tie (up
    to one part in 10^6 where votes are weighted) is decided by a keyed fair coin (`ties: random`, which keeps the vote
    at one bit) or gives no step (`ties: zero`). Rows of a `sparse_sign` contain zeros, which are no votes (`abstain:
    true`): a coordinate without votes does not move, without a coin (arXiv:2302.07475). A nan among the rows makes its
    coordinate nan. Source: signSGD with majority vote, arXiv:1810.05291.
    """

    citations: ClassVar[Mapping[str, str]] = {"bernstein2018vote": "", "park2023sparse": "abstain"}

    step: float
    ties: Literal["random", "zero"] = "random"
    weights: Literal["devices", "samples"] | None = None
    abstain: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step must be positive and finite, got {self.step}; 0.001 is usual")
        if not 1e-30 <= self.step <= 1e30:
            raise ValueError(f"step must be between 1e-30 and 1e30, got {self.step}; 0.001 is usual")
        if self.ties not in ("random", "zero"):
            raise ValueError(f"ties must be random or zero, got {self.ties!r}; choose one of these")
        if self.weights not in (None, "devices", "samples"):
            raise ValueError(f"weights must be devices, samples or null, got {self.weights!r}; choose one")

    @property
    def affine(self) -> bool:
        """False: votes cannot be averaged."""
        return False

    @property
    def can_be_zero(self) -> bool:
        """Whether the vote on a coordinate may be zero, which one bit cannot encode."""
        return self.abstain or self.ties == "zero"

    @property
    def _counts_voters(self) -> bool:
        """Whether the number of votes is counted too, to distinguish a tie from a coordinate without votes."""
        return self.abstain and self.ties == "random"

    def begin(self, like: Tensor) -> Tensor:
        """Return zeros [d] for the votes, exact up to 2**24 of them.

        Where votes are weighted, one more number follows for the sum of all weights; then, where needed, the number of
        voters of each coordinate [d].
        """
        return like.new_zeros(len(like) * (1 + self._counts_voters) + (self.weights is not None))

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Count the rows, each as one or by its weight. Raises ValueError where there is not one weight per row."""
        dim = rows.shape[1]
        if self._counts_voters:
            state[-dim:].add_((rows != 0).sum(0))
        if self.weights is None:
            add_votes(state[:dim], rows)
            return
        for row, weight in zip(rows, weights, strict=True):
            state[:dim].add_(row, alpha=weight)
            state[dim] += weight

    def end(self, state: Tensor, model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the model plus step * votes."""
        return model + self.votes(state, rng) * self.step

    def votes(self, state: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the sign of the counts [d]; a tie is decided by draw 0 of the rng."""
        weighted = self.weights is not None
        dim = (len(state) - weighted) // (1 + self._counts_voters)
        count = _round_ties(state[:dim], state[dim]) if weighted else state[:dim]
        if self.ties == "random":
            signs = random_zero_signs(count[None].clone(), rng)[0]
            return signs.where(state[-dim:] > 0, 0.0) if self._counts_voters else signs
        return count.sign().where(~count.isnan(), count)  # torch's sign of nan is 0


def add_votes(counts: Tensor, rows: Tensor) -> None:
    """Add rows [K, d] of +-1 to counts [d]: integers, hence the same bits in any order; nan stays nan."""
    if has_kernels(rows):
        from learning.aggregation.vote_kernels import add_rows

        add_rows(as_kernel_rows(rows)[1], counts.numpy())
    else:
        counts.add_(rows.sum(0))


def _round_ties(count: Tensor, total: Tensor) -> Tensor:
    """Weighted votes with exact zeros where they differ from a tie by rounding only; nan stays nan."""
    import torch

    return torch.where(count.abs() <= TIE * total, 0.0, count)


RULES: dict[str, type[Rule]] = {
    "mean": Mean,
    "vote": Vote,
    "trimmed_mean": TrimmedMean,
    "median": Median,
    "fedopt": FedOpt,
}
