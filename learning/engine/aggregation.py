"""Aggregation in progress: decoded uploads are passed to the rule in batches, in the order of the children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from torch import Tensor

from learning.engine.finite_check import find_non_finite, remove_uploads
from learning.engine.lazy_vectors import Aggregate, LazyVector, Upload
from learning.engine.message_values import averages_models, finish_aggregation, value_of

if TYPE_CHECKING:
    from learning.rng.keyed import KeyedRandom


class PendingAggregation:
    """The state of an aggregation from its first upload to its last; freed afterwards."""

    def __init__(self, vector: LazyVector, op: Aggregate) -> None:
        self._vector, self._op = vector, op
        self._models = averages_models(op)
        self._state = op.rule.begin(value_of(op.base))
        self.non_finite: list[int] = []
        """Positions of uploads that contain nan or inf."""

    def add(self, first: int, last: int, rows: Sequence[Tensor] | Tensor) -> bool:
        """Add the decoded uploads first ... last - 1; return whether they were the last ones.

        Raises NotFiniteError where an upload is not finite and the run must stop.
        """
        self.non_finite += find_non_finite(self._op.finite_check, first, rows)
        add_uploads(self._op, self._state, self._models, first, last, rows)
        return last == len(self._op.uploads)

    def finish(self, rng: KeyedRandom) -> list[tuple[LazyVector, Aggregate]]:
        """Set the value; if uploads were not finite, return the vector and the aggregation without them instead."""
        if self.non_finite:
            return [(self._vector, remove_uploads(self._op, self.non_finite))]
        finish_aggregation(self._vector, self._op, self._state, self._models, rng)
        return []


def equal_runs(keys: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (key, first, last + 1) of every run of equal keys, in order."""
    first = 0
    for key, run in groupby(keys):
        last = first + len(list(run))
        yield key, first, last
        first = last


def add_uploads(
    op: Aggregate,
    state: Tensor,
    models: bool,
    first: int,
    last: int,
    rows: Sequence[Tensor] | Tensor,
) -> None:
    """Add the decoded uploads first ... last - 1 to the rule's state: models, or updates.

    Rows in one tensor [K, d] are uploads through one codec.
    """
    uploads, weights = op.uploads[first:last], op.weights[first:last]
    if isinstance(rows, Tensor) and (models or not _is_lossless(uploads[0])):
        op.rule.add(state, rows, weights)
        return
    for upload, weight, row in zip(uploads, weights, rows, strict=True):
        update = row if models or not _is_lossless(upload) else row - _reference(upload)
        op.rule.add(state, update[None], (weight,))


def _is_lossless(upload: LazyVector) -> bool:
    return isinstance(upload.op, Upload) and upload.op.codec.lossless


def _reference(upload: LazyVector) -> Tensor:
    assert isinstance(upload.op, Upload)
    return value_of(upload.op.reference)
