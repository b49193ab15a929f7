"""Selections: everybody, a sample (uniform, by data), the best (by speed, by channel, by loss)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from netsim.selection.selection import Selection, SelectionContext, Selector
from netsim.selection.selectors import HighestScoreSelector, Polled, RandomSelector

Weights: TypeAlias = Literal["renormalised", "unbiased"]
"""renormalised: shares brought back to 1 over those who answer; unbiased: share / inclusion probability."""


@dataclass(frozen=True)
class Everybody:
    """All children take part: what there is without a selection."""

    unbiased = False
    empty = False
    most = 0

    def choice(self, context: SelectionContext) -> Selector | None:
        """None."""
        return None

    def describe(self) -> str:
        """See `Selection`."""
        return "all"


@dataclass(frozen=True)
class _Sized:
    """How many of the children that are available: a `fraction` of them (rounded up), or a `count`."""

    fraction: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if (self.fraction is None) == (self.count is None):
            both = "both" if self.fraction is not None else "neither"
            raise ValueError(f"exactly one of fraction and count says how many take part, got {both}")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1], got {self.fraction}; 0.1 asks one child of ten")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count must be >= 1, got {self.count}; for everybody use all")

    @property
    def unbiased(self) -> bool:
        """See `Selection`."""
        return False

    @property
    def empty(self) -> bool:
        """See `Selection`."""
        return False

    @property
    def most(self) -> int:
        """See `Selection`."""
        return self.count or 0

    def _many(self) -> str:
        return f"{self.fraction:.3g} of the children" if self.fraction is not None else f"{self.count}"


@dataclass(frozen=True)
class _Sample(_Sized):
    """A random sample, by `law` of fixed size or of independent members (`bernoulli`: expected size, maybe empty)."""

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
    def empty(self) -> bool:
        """See `Selection`."""
        return self.law == "bernoulli" and self.fraction != 1

    def _said(self, how: str) -> str:
        sure = "" if self.law == "fixed" else ", each by itself"
        return f"{self._many()}, {how}{sure}, weights {self.weights}"


@dataclass(frozen=True)
class Uniform(_Sample):
    """Every child is as likely as any other. Source: FedAvg's C, arXiv:1602.05629.

    With `unbiased` weights and the law `bernoulli` a selection is an unbiased compressor of every update:
    q' = (1 + q) / pi - 1 (docs/selection.md).
    """

    def choice(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return RandomSelector(self, context.seed, lambda child: 1)

    def describe(self) -> str:
        """See `Selection`."""
        return self._said("uniform")


@dataclass(frozen=True)
class Data(_Sample):
    """A child's probability is proportional to the training samples below it, up to 1."""

    def choice(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return RandomSelector(self, context.seed, context.data)

    def describe(self) -> str:
        """See `Selection`."""
        return self._said("by data")


@dataclass(frozen=True)
class Speed(_Sized):
    """Those with the shortest mean local step; a server is as slow as its slowest device. The first win ties."""

    def choice(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return HighestScoreSelector(
            self, lambda node, children: [-context.step_s(child) for child in children]
        )

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the fastest"


@dataclass(frozen=True)
class Channel(_Sized):
    """Those with the highest mean rate of their uplink, alone on its medium. The first win ties."""

    def choice(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return HighestScoreSelector(self, context.rates_bps)

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the best uplinks"


@dataclass(frozen=True)
class PowerOfChoice(_Sized):
    """The highest losses of `candidates` drawn by data. Source: pow-d of Cho et al., arXiv:2010.01243.

    The candidates hear the model, compute its mean loss over all their samples (or, cpow-d, over `samples` drawn anew
    each time) and answer one number; the others hear nothing. The paper averages those chosen with equal weights:
    the rule `mean: {weights: devices}`.
    """

    candidates: int = 2
    samples: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.count or 1
        if self.candidates < least:
            raise ValueError(f"candidates must be >= {least}, as many as are chosen, got {self.candidates}")
        if self.samples is not None and self.samples < 1:
            raise ValueError(f"samples must be >= 1, got {self.samples}; leave it out to look at all")

    @property
    def most(self) -> int:
        """See `Selection`."""
        return self.candidates

    def choice(self, context: SelectionContext) -> Selector:
        """See `Selection`."""
        return Polled(
            self,
            RandomSelector(Data(count=self.candidates), context.seed, context.data),
            context.data,
            self.samples,
        )

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the highest losses of {self.candidates} drawn by data"


SELECTIONS: dict[str, type[Selection]] = {
    "all": Everybody,
    "uniform": Uniform,
    "data": Data,
    "speed": Speed,
    "channel": Channel,
    "power_of_choice": PowerOfChoice,
}
