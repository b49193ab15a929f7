"""Selections by name: all children, random samples (uniform, by data), the best by speed, channel or loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from netsim.selection.interfaces import Selection, SelectionContext, Selector
from netsim.selection.selectors import HighestLossSelector, HighestScoreSelector, RandomSelector

Weights: TypeAlias = Literal["renormalised", "unbiased"]
"""renormalised: shares normalised to 1 over those who answer; unbiased: share / inclusion probability."""


@dataclass(frozen=True)
class AllChildren:
    """All children take part, as without a selection."""

    unbiased = False
    may_be_empty = False
    max_children = 0

    def make_selector(self, context: SelectionContext) -> Selector | None:
        """None."""
        return None

    def describe(self) -> str:
        """See `Selection`."""
        return "all"


@dataclass(frozen=True)
class _SizedSelection:
    """A selection of a `fraction` of the available children (rounded up), or of a `count` of them."""

    fraction: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if (self.fraction is None) == (self.count is None):
            given = "both" if self.fraction is not None else "neither"
            raise ValueError(f"exactly one of fraction and count must be given, got {given}")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1], got {self.fraction}; 0.1 selects one child of ten")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be >= 1, got {self.count}; to select all children use all")

    @property
    def unbiased(self) -> bool:
        """See `Selection`."""
        return False

    @property
    def may_be_empty(self) -> bool:
        """See `Selection`."""
        return False

    @property
    def max_children(self) -> int:
        """See `Selection`."""
        return self.count or 0

    def _describe_size(self) -> str:
        return f"{self.fraction:.3g} of the children" if self.fraction is not None else f"{self.count}"


@dataclass(frozen=True)
class _SampledSelection(_SizedSelection):
    """A random sample, by `law` of fixed size or of independent members (`bernoulli`: random size, maybe empty)."""

    weights: Weights = "renormalised"
    law: Literal["fixed", "bernoulli"] = "fixed"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights not in ("renormalised", "unbiased"):
            raise ValueError(f"weights must be renormalised or unbiased, got {self.weights!r}")
        if self.law not in ("fixed", "bernoulli"):
            raise ValueError(f"law must be fixed or bernoulli, got {self.law!r}")

    @property
    def unbiased(self) -> bool:
        """See `Selection`."""
        return self.weights == "unbiased"

    @property
    def may_be_empty(self) -> bool:
        """See `Selection`."""
        return self.law == "bernoulli" and self.fraction != 1

    def _describe_sample(self, probabilities: str) -> str:
        law = "" if self.law == "fixed" else ", independently"
        return f"{self._describe_size()}, {probabilities}{law}, weights {self.weights}"


@dataclass(frozen=True)
class Uniform(_SampledSelection):
    """A random sample with equal probabilities. Source: FedAvg's C, arXiv:1602.05629.

    With `unbiased` weights and the law `bernoulli` a selection is an unbiased compressor of every update:
    q' = (1 + q) / pi - 1 (docs/selection.md).
    """

    citations: ClassVar[Mapping[str, str]] = {"mcmahan2016fedavg": ""}

    def make_selector(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return RandomSelector(self, context.seed, lambda child: 1)

    def describe(self) -> str:
        """See `Selection`."""
        return self._describe_sample("uniform")


@dataclass(frozen=True)
class Data(_SampledSelection):
    """A random sample with probabilities proportional to the training samples below each child, up to 1."""

    def make_selector(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return RandomSelector(self, context.seed, context.sample_count)

    def describe(self) -> str:
        """See `Selection`."""
        return self._describe_sample("by data")


@dataclass(frozen=True)
class Speed(_SizedSelection):
    """The children with the shortest mean local step; for a server, that of its slowest device. Ties: the first."""

    def make_selector(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return HighestScoreSelector(
            self, lambda node, children: [-context.mean_step_s(child) for child in children]
        )

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._describe_size()}, the fastest"


@dataclass(frozen=True)
class Channel(_SizedSelection):
    """The children with the highest mean uplink rate without contention. Ties: the first."""

    def make_selector(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return HighestScoreSelector(self, context.rates_bps)

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._describe_size()}, the best uplinks"


@dataclass(frozen=True)
class PowerOfChoice(_SizedSelection):
    """The highest losses of `candidates` drawn by data. Source: pow-d of Cho et al., arXiv:2010.01243.

    The candidates receive the model, compute its mean loss over all their samples (or, cpow-d, over `samples` drawn
    anew each time) and answer with one number; the other children receive nothing. The paper averages the selected
    children with equal weights: the rule `mean: {weights: devices}`.
    """

    citations: ClassVar[Mapping[str, str]] = {"cho2020powerofchoice": ""}

    candidates: int = 2
    samples: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.count or 1
        if self.candidates < least:
            raise ValueError(
                f"candidates must be >= {least}, the number of selected children, got {self.candidates}"
            )
        if self.samples is not None and self.samples < 1:
            raise ValueError(f"samples must be >= 1, got {self.samples}; leave it out to use all samples")

    @property
    def max_children(self) -> int:
        """See `Selection`."""
        return self.candidates

    def make_selector(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        candidates = RandomSelector(Data(count=self.candidates), context.seed, context.sample_count)
        return HighestLossSelector(self, candidates, context.sample_count, self.samples)

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._describe_size()}, the highest losses of {self.candidates} drawn by data"


SELECTIONS: dict[str, type[Selection]] = {
    "all": AllChildren,
    "uniform": Uniform,
    "data": Data,
    "speed": Speed,
    "channel": Channel,
    "power_of_choice": PowerOfChoice,
}
