"""Selections: everybody, a sample (uniform, by data), the best (by speed, by channel, by loss)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from learning.engine import Visit
from netsim.luck import generator, uniforms
from netsim.sampling import Floats, inclusion, independent, size, smallest, systematic
from netsim.selection import Asked, Choice, Grounds, Selection
from netsim.topology import Node

Weights: TypeAlias = Literal["renormalised", "unbiased"]
"""renormalised: shares brought back to 1 over those who answer; unbiased: share / inclusion probability."""

START = -5
"""Path element of a parent's own draw; negative, so that it is no iteration."""


@dataclass(frozen=True)
class Everybody:
    """All children take part: what there is without a selection."""

    unbiased = False
    empty = False
    most = 0

    def choice(self, grounds: Grounds) -> Choice | None:
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

    def choice(self, grounds: Grounds) -> Choice:
        """See `Selection`."""
        return _Drawn(self, grounds.seed, lambda child: 1)

    def describe(self) -> str:
        """See `Selection`."""
        return self._said("uniform")


@dataclass(frozen=True)
class Data(_Sample):
    """A child's probability is proportional to the training samples below it, up to 1."""

    def choice(self, grounds: Grounds) -> Choice:
        """See `Selection`."""
        return _Drawn(self, grounds.seed, grounds.data)

    def describe(self) -> str:
        """See `Selection`."""
        return self._said("by data")


@dataclass(frozen=True)
class Speed(_Sized):
    """Those with the shortest mean local step; a server is as slow as its slowest device. The first win ties."""

    def choice(self, grounds: Grounds) -> Choice:
        """See `Selection`."""
        return _Best(self, lambda node, children: [-grounds.step_s(child) for child in children])

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the fastest"


@dataclass(frozen=True)
class Channel(_Sized):
    """Those with the highest mean rate of their uplink, alone on its medium. The first win ties."""

    def choice(self, grounds: Grounds) -> Choice:
        """See `Selection`."""
        return _Best(self, grounds.rates_bps)

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the best uplinks"


@dataclass(frozen=True)
class PowerOfChoice(_Sized):
    """The highest losses of `candidates` drawn by data. Source: pow-d of Cho et al., arXiv:2010.01243.

    The candidates hear the model, compute its mean loss over all their samples and answer one number; the others
    hear nothing. The paper averages those chosen with equal weights: the rule `mean: {weights: devices}`.
    """

    candidates: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.count or 1
        if self.candidates < least:
            raise ValueError(f"candidates must be >= {least}, as many as are chosen, got {self.candidates}")

    @property
    def most(self) -> int:
        """See `Selection`."""
        return self.candidates

    def choice(self, grounds: Grounds) -> Choice:
        """See `Selection`."""
        return _Polled(self, _Drawn(Data(count=self.candidates), grounds.seed, grounds.data), grounds)

    def describe(self) -> str:
        """See `Selection`."""
        return f"{self._many()}, the highest losses of {self.candidates} drawn by data"


@dataclass(frozen=True)
class _Drawn:
    """A sample at work."""

    part: _Sample
    seed: int
    mass: Callable[[Node], float]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        visit: Visit,
    ) -> Asked:
        """See `Choice`."""
        free = [k for k, child in enumerate(children) if child.name not in busy]
        if not free:
            return []
        expected = self._expected(len(children), len(free))
        if not expected:
            return []
        masses = np.array([self.mass(children[k]) for k in free], dtype=np.float64)
        chances = inclusion(masses, min(expected, len(free)))
        picked = self._picked(node, [children[k] for k in free], chances, visit)
        found = [(children[k], shares[k] / chance) for k, chance in zip(free, chances.tolist(), strict=True)]
        return [
            (child, weight if self.part.unbiased else None)
            for (child, weight), taken in zip(found, picked.tolist(), strict=True)
            if taken
        ]

    def _expected(self, present: int, free: int) -> float:
        """How many of those who are free; whoever is busy takes part already."""
        part, busy = self.part, present - free
        if part.law == "bernoulli":
            whole = part.count if part.fraction is None else part.fraction * present
            return max(0.0, min(float(whole or 0), present) - busy)
        return max(0, size(part.fraction, part.count, present) - busy)

    def _picked(self, node: Node, free: Sequence[Node], chances: Floats, visit: Visit) -> NDArray[np.bool_]:
        where = (node.level, node.ordinal, *visit.path)
        drawn = uniforms(self.seed, "selection", *where, ordinals=[child.ordinal for child in free])[:, 0]
        if self.part.law == "bernoulli":
            return independent(chances, drawn)
        if np.ptp(chances) == 0:
            return smallest(round(float(chances.sum())), drawn)
        start = float(generator(self.seed, "selection", *where, START).random())
        return systematic(chances, drawn, start)


@dataclass(frozen=True)
class _Best:
    """The highest scores at work."""

    part: _Sized
    scores: Callable[[Node, Sequence[Node]], Sequence[float]]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        visit: Visit,
    ) -> Asked:
        """See `Choice`."""
        free = [child for child in children if child.name not in busy]
        wanted = size(self.part.fraction, self.part.count, len(children)) - (len(children) - len(free))
        return highest(free, self.scores(node, free), wanted)


@dataclass(frozen=True)
class _Polled:
    """Power of choice at work."""

    part: PowerOfChoice
    drawn: _Drawn
    grounds: Grounds

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        visit: Visit,
    ) -> Asked:
        """See `Choice`: without losses, the candidates themselves."""
        return [(child, None) for child in self.candidates(node, children, busy, visit)]

    def candidates(
        self, node: Node, children: Sequence[Node], busy: Collection[str], visit: Visit
    ) -> Sequence[Node]:
        """See `Curious`."""
        if self._wanted(children, busy) < 1:
            return ()
        asked = self.drawn.choose(node, children, [1.0] * len(children), busy, visit)
        return [child for child, _ in asked]

    def samples(self, device: Node) -> int:
        """See `Curious`: all of them."""
        return self.grounds.data(device)

    def preferred(
        self, node: Node, children: Sequence[Node], busy: Collection[str], losses: Mapping[str, float]
    ) -> Asked:
        """See `Curious`."""
        heard = [child for child in children if child.name in losses]
        return highest(heard, [losses[child.name] for child in heard], self._wanted(children, busy))

    def _wanted(self, children: Sequence[Node], busy: Collection[str]) -> int:
        at_work = sum(child.name in busy for child in children)
        return size(self.part.fraction, self.part.count, len(children)) - at_work


def highest(children: Sequence[Node], scores: Sequence[float], count: int) -> Asked:
    """The `count` children with the highest scores, in their order; of equals the first."""
    ranked = sorted(range(len(children)), key=lambda k: -scores[k])[: max(0, count)]
    return [(children[k], None) for k in sorted(ranked)]


SELECTIONS: dict[str, type[Selection]] = {
    "all": Everybody,
    "uniform": Uniform,
    "data": Data,
    "speed": Speed,
    "channel": Channel,
    "power_of_choice": PowerOfChoice,
}
