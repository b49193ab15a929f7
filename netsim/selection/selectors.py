"""Selectors in a run: random samples, the highest scores, the highest losses of polled candidates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.engine import IterationIndex, LossQuery
from netsim.rng import generator, uniforms
from netsim.selection.interfaces import SelectedChildren
from netsim.selection.sampling import (
    Floats,
    inclusion_probabilities,
    poisson_sample,
    sample_size,
    simple_random_sample,
    systematic_sample,
)
from netsim.topology import Node

START_PATH = -5
"""Path element of the start of a systematic sample; negative, so that it is no iteration."""


class SizeRule(Protocol):
    """The size of a selection: exactly one of `fraction` and `count`."""

    @property
    def fraction(self) -> float | None:
        """Fraction of the available children."""
        ...

    @property
    def count(self) -> int | None:
        """Number of children."""
        ...


class SampleRule(SizeRule, Protocol):
    """The parameters of a random sample."""

    @property
    def unbiased(self) -> bool:
        """Whether weights are shares over inclusion probabilities."""
        ...

    @property
    def law(self) -> Literal["fixed", "bernoulli"]:
        """Fixed size, or independent members."""
        ...


@dataclass(frozen=True)
class RandomSelector:
    """Selects a random sample, with probabilities proportional to `size_of(child)`."""

    rule: SampleRule
    seed: int
    size_of: Callable[[Node], float]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> SelectedChildren:
        """See `Selector`."""
        idle = [k for k, child in enumerate(children) if child.name not in busy]
        if not idle:
            return []
        expected = self._expected_size(len(children), len(idle))
        if not expected:
            return []
        sizes = np.array([self.size_of(children[k]) for k in idle], dtype=np.float64)
        probabilities = inclusion_probabilities(sizes, min(expected, len(idle)))
        sample = self._sample(node, [children[k] for k in idle], probabilities, iteration)
        weights = [shares[k] / p for k, p in zip(idle, probabilities.tolist(), strict=True)]
        return [
            (children[k], weight if self.rule.unbiased else None)
            for k, weight, is_selected in zip(idle, weights, sample.tolist(), strict=True)
            if is_selected
        ]

    def _expected_size(self, available: int, idle: int) -> float:
        """Expected number of idle children to select; the busy ones count as selected."""
        rule, busy = self.rule, available - idle
        if rule.law == "bernoulli":
            expected = rule.count if rule.fraction is None else rule.fraction * available
            return max(0.0, min(float(expected or 0), available) - busy)
        return max(0, sample_size(rule.fraction, rule.count, available) - busy)

    def _sample(
        self, node: Node, idle: Sequence[Node], probabilities: Floats, iteration: IterationIndex
    ) -> NDArray[np.bool_]:
        path = (node.level, node.ordinal, *iteration.path)
        uniform = uniforms(self.seed, "selection", *path, ordinals=[child.ordinal for child in idle])[:, 0]
        if self.rule.law == "bernoulli":
            return poisson_sample(probabilities, uniform)
        if np.ptp(probabilities) == 0:
            return simple_random_sample(round(float(probabilities.sum())), uniform)
        start = float(generator(self.seed, "selection", *path, START_PATH).random())
        return systematic_sample(probabilities, uniform, start)


@dataclass(frozen=True)
class HighestScoreSelector:
    """Selects the children with the highest scores."""

    rule: SizeRule
    scores: Callable[[Node, Sequence[Node]], Sequence[float]]

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> SelectedChildren:
        """See `Selector`."""
        idle = [child for child in children if child.name not in busy]
        return highest(idle, self.scores(node, idle), _missing(self.rule, children, busy))


@dataclass(frozen=True)
class HighestLossSelector:
    """Selects the highest losses of randomly drawn candidates (power of choice)."""

    rule: SizeRule
    candidate_selector: RandomSelector
    sample_count: Callable[[Node], int]
    samples: int | None = None

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> SelectedChildren:
        """See `Selector`: without losses, the candidates themselves."""
        return [(child, None) for child in self.candidates(node, children, busy, iteration)]

    def candidates(
        self, node: Node, children: Sequence[Node], busy: Collection[str], iteration: IterationIndex
    ) -> Sequence[Node]:
        """See `PollingSelector`."""
        if _missing(self.rule, children, busy) < 1:
            return ()
        drawn = self.candidate_selector.choose(node, children, [1.0] * len(children), busy, iteration)
        return [child for child, _ in drawn]

    def loss_request(self, device: Node, iteration: IterationIndex) -> tuple[LossQuery, int]:
        """See `PollingSelector`."""
        query = LossQuery(device.ordinal, self.samples, iteration.first_step)
        return query, self.samples or self.sample_count(device)

    def select_by_loss(
        self, node: Node, children: Sequence[Node], busy: Collection[str], losses: Mapping[str, float]
    ) -> SelectedChildren:
        """See `PollingSelector`."""
        polled = [child for child in children if child.name in losses]
        return highest(polled, [losses[child.name] for child in polled], _missing(self.rule, children, busy))


def _missing(rule: SizeRule, children: Sequence[Node], busy: Collection[str]) -> int:
    """Number of children to select in addition to the busy ones."""
    return sample_size(rule.fraction, rule.count, len(children)) - sum(
        child.name in busy for child in children
    )


def highest(children: Sequence[Node], scores: Sequence[float], count: int) -> SelectedChildren:
    """The `count` children with the highest scores, in their order; of equal scores the first."""
    ranked = sorted(range(len(children)), key=lambda k: -scores[k])[: max(0, count)]
    return [(children[k], None) for k in sorted(ranked)]
