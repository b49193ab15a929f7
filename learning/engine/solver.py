"""Interface between the engine and the component that computes values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from learning.engine.lazy_vectors import LazyVector, LossQuery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Solver(Protocol):
    """Computes the values of lazy vectors; engines differ in their solver alone."""

    rejected: int
    """Number of updates left out of aggregations so far because they were not finite."""

    def register(self, vector: LazyVector) -> None:
        """Register a new vector: an eager solver computes it at once, a batched solver on demand."""
        ...

    def compute(self, vector: LazyVector) -> None:
        """Compute the value of `vector`, and its bits where they depend on values."""
        ...

    def evaluate(self, model: LazyVector) -> Mapping[str, float]:
        """Return the test metrics of a model: accuracy (nan where there is none) and loss."""
        ...

    def local_loss(self, model: LazyVector, query: LossQuery) -> float:
        """Return the mean loss of a model over samples of a device."""
        ...

    def to_tensor(self, values: NDArray[np.floating]) -> Tensor:
        """Return a stored vector [d] as a tensor on the solver's device."""
        ...


class ValuesNeededError(ValueError):
    """A message size or a selection depends on values, and this engine computes none."""
