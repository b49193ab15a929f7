"""What the engine asks of whatever computes values, and what it says where nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from learning.engine.promises import Look, Ref

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Solver(Protocol):
    """Computes promised vectors; the one thing in which engines differ."""

    rejected: int
    """Answers left out of combines so far, as they were not finite."""

    def promised(self, ref: Ref) -> None:
        """Told of every new promise: an eager solver computes it at once, a late one notes it."""
        ...

    def settle(self, ref: Ref) -> None:
        """Give `ref` its value (and its bits, where they depend on values)."""
        ...

    def score(self, ref: Ref) -> Mapping[str, float]:
        """The model's test metrics: accuracy (nan where there is none) and loss."""
        ...

    def loss(self, ref: Ref, look: Look) -> float:
        """The model's mean loss over samples of a device."""
        ...

    def tensor(self, values: NDArray[np.floating]) -> Tensor:
        """A kept vector, back on the solver's device."""
        ...


class ValuesNeededError(ValueError):
    """A message size or a choice depends on values, and this engine computes none."""
