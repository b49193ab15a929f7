"""Resumption of a run from a checkpoint: the simulation is replayed from its start without computing values.

Vectors whose digests are in the checkpoint receive their values from it. Vectors that were declared before the
checkpoint and are not in it are not needed any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from learning.engine.lazy_vectors import (
    Aggregate,
    Broadcast,
    LazyVector,
    MemoryAfter,
    Train,
    Upload,
    WeightedSum,
)
from learning.store.checkpoints import Checkpoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def take_checkpoint(model: LazyVector, round_number: int, vectors: Iterable[LazyVector]) -> Checkpoint:
    """Return the computed values of `vectors` after a global round that ended with `model`."""
    values, vote_sums = {}, {}
    for vector in vectors:
        if vector.value is not None:
            values[vector.digest] = vector.value.detach().cpu().numpy()
        if vector.vote_sum is not None:
            vote_sums[vector.digest] = vector.vote_sum.detach().cpu().numpy()
    return Checkpoint(model.digest, round_number, values, vote_sums)


def restore_value(
    vector: LazyVector, checkpoint: Checkpoint, to_tensor: Callable[[NDArray[np.floating]], Tensor]
) -> None:
    """Set the value of `vector` if the checkpoint contains it."""
    digest = vector.digest
    if digest in checkpoint.values:
        votes = checkpoint.vote_sums.get(digest)
        vector.vote_sum = None if votes is None else to_tensor(votes)
        vector.set_value(to_tensor(checkpoint.values[digest]))


def drop_operations(model: LazyVector) -> None:
    """Drop the operations below a model that is not computed, to bound the memory of a replay."""
    pending = [model]
    while pending:
        vector = pending.pop()
        if vector.value is None and vector.op is not None:
            pending += _inputs_and_memory(vector)
            vector.op = None


def _inputs_and_memory(vector: LazyVector) -> Iterator[LazyVector]:
    """Yield the inputs of a vector's operation, and the memory row that it leaves behind."""
    match vector.op:
        case Aggregate(_, base, reference, uploads, _, _, memory):
            yield from (base, reference, *uploads)
            yield from (() if memory is None else (memory,))
        case Upload(_, model, reference, _, memory) | Broadcast(_, model, reference, _, memory):
            yield from (model, reference)
            yield from (() if memory is None else (memory,))
        case Train():
            yield vector.op.start_model
            yield from (() if vector.op.correction is None else (vector.op.correction,))
        case WeightedSum(terms):
            yield from (term for _, term in terms)
        case MemoryAfter():
            yield vector.op.message
    memory = vector.live_memory_after()
    if memory is not None:
        yield memory
