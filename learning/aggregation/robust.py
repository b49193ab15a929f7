"""Robust rules: per coordinate a trimmed mean or the median of the updates, which bound the effect of a minority."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from learning.rng.keyed import KeyedRandom

BLOCK = 65536
"""Coordinates sorted at once, so that sorting needs little more memory than the rows themselves."""


@dataclass(frozen=True)
class TrimmedMean:
    """Per coordinate the mean of the updates without the `trim` share at either end. Source: arXiv:1803.01498.

    Of n updates floor(trim n) are dropped at each end (0.1 of 9 drops none). Every child counts as one, weights are
    ignored. A nan counts as the largest value, so as many children with nan as are dropped have no effect; more of them
    make the result nan. All rows of a node are stored until its last child has uploaded: n d numbers.
    """

    citations: ClassVar[Mapping[str, str]] = {"yin2018robust": ""}

    trim: float

    def __post_init__(self) -> None:
        if not 0 <= self.trim < 0.5:
            raise ValueError(f"trim must be in [0, 0.5), got {self.trim}; for the median use median")

    @property
    def affine(self) -> bool:
        """False: which updates count depends on all of them."""
        return False

    def begin(self, like: Tensor) -> list[Tensor]:
        """Return no rows."""
        return []

    def add(self, state: list[Tensor], rows: Tensor, weights: Sequence[float]) -> None:
        """Store copies of the rows; weights are ignored."""
        state.extend(row.clone() for row in rows)

    def end(self, state: list[Tensor], model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the model plus the mean of the remaining sorted updates, added from the smallest up."""
        cut = math.floor(self.trim * len(state) + 1e-9)  # 0.1 of 30 is 3 in spite of rounding
        return _mean_of_ranks(state, model, cut, len(state) - cut)


@dataclass(frozen=True)
class Median:
    """Per coordinate the median of the updates; for an even number, the mean of the two in the middle.

    Source: arXiv:1803.01498. Every child counts as one, weights are ignored. A nan counts as the largest value: fewer
    than half of the children with nan have no effect. All rows of a node are stored until its last child has uploaded.
    """

    citations: ClassVar[Mapping[str, str]] = {"yin2018robust": ""}

    @property
    def affine(self) -> bool:
        """False: which updates count depends on all of them."""
        return False

    def begin(self, like: Tensor) -> list[Tensor]:
        """Return no rows."""
        return []

    def add(self, state: list[Tensor], rows: Tensor, weights: Sequence[float]) -> None:
        """Store copies of the rows; weights are ignored."""
        state.extend(row.clone() for row in rows)

    def end(self, state: list[Tensor], model: Tensor, rng: KeyedRandom) -> Tensor:
        """Return the model plus the median of the updates."""
        return _mean_of_ranks(state, model, (len(state) - 1) // 2, len(state) // 2 + 1)


def _mean_of_ranks(rows: list[Tensor], model: Tensor, first: int, last: int) -> Tensor:
    """Return the model plus the mean of the sorted rows first ... last - 1, block by block, added in order."""
    import torch

    out = model.clone()
    for start in range(0, len(model), BLOCK):
        block = torch.stack([row[start : start + BLOCK] for row in rows])
        ordered = block.sort(0).values  # nan goes last
        total = ordered[first]
        for rank in range(first + 1, last):
            total = total + ordered[rank]
        out[start : start + BLOCK] += total / (last - first)
    return out
