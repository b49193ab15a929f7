"""Selections at work in a run: samples, the best by a score, the highest losses of those polled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.engine import IterationIndex, Look
from netsim.rng import generator, uniforms
from netsim.selection.sampling import Floats, inclusion, independent, size, smallest, systematic
from netsim.selection.selection import Asked
from netsim.topology import Node

START = -5
"""Path element of a parent's own draw; negative, so that it is no iteration."""


class Sized(Protocol):
    """How many take part."""

    @property
    def fraction(self) -> float | None:
        """Of those who are available; None: `count` says it."""
        ...

    @property
    def count(self) -> int | None:
        """The other way to say it."""
        ...


class Sample(Sized, Protocol):
    """A random sample."""

    @property
    def unbiased(self) -> bool:
        """Whether weights are shares over inclusion probabilities."""
        ...

    @property
    def law(self) -> Literal["fixed", "bernoulli"]:
        """Of fixed size, or of independent members."""
        ...


@dataclass(frozen=True)
class RandomSelector:
    """A sample at work."""

    part: Sample
    seed: int
    mass: Callable[[Node], float]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> Asked:
        """See `Selector`."""
        free = [k for k, child in enumerate(children) if child.name not in busy]
        if not free:
            return []
        expected = self._expected(len(children), len(free))
        if not expected:
            return []
        masses = np.array([self.mass(children[k]) for k in free], dtype=np.float64)
        chances = inclusion(masses, min(expected, len(free)))
        picked = self._picked(node, [children[k] for k in free], chances, iteration)
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

    def _picked(
        self, node: Node, free: Sequence[Node], chances: Floats, iteration: IterationIndex
    ) -> NDArray[np.bool_]:
        where = (node.level, node.ordinal, *iteration.path)
        drawn = uniforms(self.seed, "selection", *where, ordinals=[child.ordinal for child in free])[:, 0]
        if self.part.law == "bernoulli":
            return independent(chances, drawn)
        if np.ptp(chances) == 0:
            return smallest(round(float(chances.sum())), drawn)
        start = float(generator(self.seed, "selection", *where, START).random())
        return systematic(chances, drawn, start)


@dataclass(frozen=True)
class HighestScoreSelector:
    """The highest scores at work."""

    part: Sized
    scores: Callable[[Node, Sequence[Node]], Sequence[float]]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> Asked:
        """See `Selector`."""
        free = [child for child in children if child.name not in busy]
        wanted = size(self.part.fraction, self.part.count, len(children)) - (len(children) - len(free))
        return highest(free, self.scores(node, free), wanted)


@dataclass(frozen=True)
class Polled:
    """Power of choice at work."""

    part: Sized
    drawn: RandomSelector
    data: Callable[[Node], int]
    samples: int | None = None

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> Asked:
        """See `Selector`: without losses, the candidates themselves."""
        return [(child, None) for child in self.candidates(node, children, busy, iteration)]

    def candidates(
        self, node: Node, children: Sequence[Node], busy: Collection[str], iteration: IterationIndex
    ) -> Sequence[Node]:
        """See `PollingSelector`."""
        if self._wanted(children, busy) < 1:
            return ()
        asked = self.drawn.choose(node, children, [1.0] * len(children), busy, iteration)
        return [child for child, _ in asked]

    def look(self, device: Node, iteration: IterationIndex) -> tuple[Look, int]:
        """See `PollingSelector`."""
        look = Look(device.ordinal, self.samples, iteration.first_step)
        return look, self.samples or self.data(device)

    def preferred(
        self, node: Node, children: Sequence[Node], busy: Collection[str], losses: Mapping[str, float]
    ) -> Asked:
        """See `PollingSelector`."""
        heard = [child for child in children if child.name in losses]
        return highest(heard, [losses[child.name] for child in heard], self._wanted(children, busy))

    def _wanted(self, children: Sequence[Node], busy: Collection[str]) -> int:
        at_work = sum(child.name in busy for child in children)
        return size(self.part.fraction, self.part.count, len(children)) - at_work


def highest(children: Sequence[Node], scores: Sequence[float], count: int) -> Asked:
    """The `count` children with the highest scores, in their order; of equals the first."""
    ranked = sorted(range(len(children)), key=lambda k: -scores[k])[: max(0, count)]
    return [(children[k], None) for k in sorted(ranked)]
