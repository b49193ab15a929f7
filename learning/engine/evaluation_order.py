"""Order of evaluation: the operations below a vector in groups of independent ones, inputs first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from learning.engine.lazy_vectors import (
    Aggregate,
    Broadcast,
    LazyVector,
    MemoryAfter,
    Train,
    Upload,
    WeightedSum,
)


def wavefronts(
    targets: Sequence[LazyVector], is_separate: Callable[[LazyVector], bool]
) -> Iterator[list[LazyVector]]:
    """Yield the vectors still to be computed for `targets` in groups, inputs first; a group has no inner dependencies.

    Local training and uploads are not listed: they are computed within the aggregation that reads them and are freed
    with it. Uploads for which `is_separate` holds (and targets) are listed. A group is released when the next one is
    requested, so memory does not grow with the iterations of a round.
    """
    ordered = _pending_below(targets, is_separate)
    while ordered:
        group = [ordered.pop()]
        while ordered and ordered[-1].depth == group[0].depth:
            group.append(ordered.pop())
        yield group


def _pending_below(
    targets: Sequence[LazyVector], is_separate: Callable[[LazyVector], bool]
) -> list[LazyVector]:
    """All vectors to be computed, the deepest first."""
    found: dict[int, LazyVector] = {}
    pending = [vector for vector in targets if vector.value is None]
    while pending:
        vector = pending.pop()
        if id(vector) in found:
            continue
        found[id(vector)] = vector
        pending += [
            dependency for dependency in _listed_inputs(vector, is_separate) if dependency.value is None
        ]
    return sorted(found.values(), key=lambda vector: vector.depth, reverse=True)


def _listed_inputs(vector: LazyVector, is_separate: Callable[[LazyVector], bool]) -> Iterator[LazyVector]:
    match vector.op:
        case Aggregate():
            yield vector.op.base
            yield vector.op.reference
            if vector.op.memory is not None:
                yield vector.op.memory
            for upload in vector.op.uploads:
                if upload.value is not None:
                    continue
                if is_separate(upload) or not isinstance(upload.op, Upload):
                    yield upload
                else:
                    yield from _listed_inputs(upload, is_separate)
        case Upload():
            yield vector.op.reference
            if isinstance(vector.op.model.op, Train):
                yield from _listed_inputs(vector.op.model, is_separate)
            else:
                yield vector.op.model
            if vector.op.memory is not None:
                yield vector.op.memory
        case Broadcast():
            yield vector.op.model
            yield vector.op.reference
            if vector.op.memory is not None:
                yield vector.op.memory
        case MemoryAfter(message):
            if isinstance(message.op, Upload) and not is_separate(message):
                yield from _listed_inputs(message, is_separate)
            else:
                yield message
        case Train():
            yield vector.op.start_model
            if vector.op.correction is not None:
                yield vector.op.correction
        case WeightedSum(terms):
            yield from (term for _, term in terms)
