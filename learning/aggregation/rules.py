"""Rules: how a node merges the updates of its children, streaming, into its own model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard

from learning.aggregation.robust import Median, TrimmedMean
from learning.aggregation.server_optimizers import FedOpt
from learning.aggregation.sign_votes import add_votes
from learning.compressors.signs import tossed_signs
from learning.part_names import NO_VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


TIE = 1e-6
"""Share of all votes below which a weighed majority is none: far above float32's rounding, far below a device's."""


class Rule(Protocol):
    """A part that merges updates one row at a time and never renormalises: weights arrive final."""

    @property
    def affine(self) -> bool:
        """True where the result is onto + sum of w_c u_c, so that exact models may be averaged instead."""

    def begin(self, like: Tensor) -> Any:
        """Return the empty state for models like the given one [d]; what it is, is the rule's own affair."""

    def add(self, state: Any, rows: Tensor, weights: Sequence[float]) -> None:
        """Add decoded updates rows [K, d] in child order, row by row: the same bits for any chunking."""

    def end(self, state: Any, onto: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the new model [d] from the state and the model the updates start from; coins has one row."""


class StatefulRule(Rule, Protocol):
    """A rule with one memory row per node, which the engine keeps: a second output of every merge."""

    def remember(self, state: Tensor, onto: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `end`, from the row of the node's last merge (None: its first) to that row's successor."""


def is_stateful_rule(rule: Rule) -> TypeGuard[StatefulRule]:
    """Whether the rule keeps a memory row per node."""
    return hasattr(rule, "remember")


@dataclass(frozen=True)
class Mean:
    """The weighted sum of the updates, on top of the model. Source: FedAvg, arXiv:1602.05629.

    `weights` says what the protocol passes in: shares of `devices` or shares of `samples` below each child.
    """

    weights: Literal["devices", "samples"] = field(default="devices", metadata=NO_VALUE)

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

    def end(self, state: Tensor, onto: Tensor, rng: KeyedRandom) -> Tensor:
        """Return onto plus the weighted sum."""
        return onto + state


@dataclass(frozen=True)
class Vote:
    """The coordinatewise majority of rows of +-1, times `step`, on top of the model.

    Without `weights` every row has one vote; `devices` and `samples` weigh it by what is below its sender. A tie (to
    one part in 10^6 where votes are weighed) gets a fair keyed coin (`ties:
    random`, which keeps the vote at one bit) or no step (`ties: zero`). Rows of a `sparse_sign` hold zeros, which are
    no votes (`abstain: true`): a coordinate that nobody has voted on stays, without a coin (arXiv:2302.07475). A nan
    among the rows makes its coordinate nan. Source: signSGD with majority vote, arXiv:1810.05291.
    """

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
        """Whether a coordinate may be where it was after a vote, which one bit cannot say."""
        return self.abstain or self.ties == "zero"

    @property
    def _polls(self) -> bool:
        """Whether a tie must be told from silence: who has voted is counted too."""
        return self.abstain and self.ties == "random"

    def begin(self, like: Tensor) -> Tensor:
        """Return zeros [d] for the votes, exact up to 2**24 of them.

        Where they are weighed one more number follows, for all weights; then, where needed, how many have voted [d].
        """
        return like.new_zeros(len(like) * (1 + self._polls) + (self.weights is not None))

    def add(self, state: Tensor, rows: Tensor, weights: Sequence[float]) -> None:
        """Count the rows, each as one or by its weight; raises ValueError where the numbers of the two differ."""
        dim = rows.shape[1]
        if self._polls:
            state[-dim:].add_((rows != 0).sum(0))
        if self.weights is None:
            add_votes(state[:dim], rows)
            return
        for row, weight in zip(rows, weights, strict=True):
            state[:dim].add_(row, alpha=weight)
            state[dim] += weight

    def end(self, state: Tensor, onto: Tensor, rng: KeyedRandom) -> Tensor:
        """Return onto + step * votes."""
        return onto + self.votes(state, rng) * self.step

    def votes(self, state: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the sign of the counts [d]; uses draw 0 of the coins where a tie is tossed."""
        weighed = self.weights is not None
        dim = (len(state) - weighed) // (1 + self._polls)
        count = _decided(state[:dim], state[dim]) if weighed else state[:dim]
        if self.ties == "random":
            signs = tossed_signs(count[None].clone(), rng)[0]
            return signs.where(state[-dim:] > 0, 0.0) if self._polls else signs
        return count.sign().where(~count.isnan(), count)  # torch's sign of nan is 0


def _decided(count: Tensor, whole: Tensor) -> Tensor:
    """Weighed votes with exact zeros where rounding alone keeps them from a tie; nan stays nan."""
    import torch

    return torch.where(count.abs() <= TIE * whole, 0.0, count)


RULES: dict[str, type[Rule]] = {
    "mean": Mean,
    "vote": Vote,
    "trimmed_mean": TrimmedMean,
    "median": Median,
    "fedopt": FedOpt,
}
