"""The batched solver: computes vectors on demand, in stacks of rows, in one reused workspace of bounded size.

An aggregation is computed by processing its uploads chunk by chunk: train, encode, add in child order, discard.
Results have the same bits for every chunk size, because no step mixes the rows of a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar
from weakref import WeakSet

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.compressors import Compressor, Encoded, Integer, is_stateful, sends_models
from learning.engine.aggregation import PendingAggregation, equal_runs
from learning.engine.compressor_calls import encode, encode_with_memory
from learning.engine.eager_solver import row_bits, single_key
from learning.engine.evaluation_order import wavefronts
from learning.engine.fused_trainer import allocate_aligned
from learning.engine.lazy_vectors import (
    Aggregate,
    Broadcast,
    Initialize,
    LazyVector,
    LossQuery,
    MemoryAfter,
    Train,
    Upload,
    WeightedSum,
)
from learning.engine.message_values import (
    apply_broadcast,
    compute_difference,
    decode_updates,
    keep_base,
    value_of,
    weighted_sum,
)
from learning.engine.minibatches import draw_loss_samples
from learning.engine.optimizer_steps import retain_model, train_one, train_stack
from learning.engine.trainers import Trainer
from learning.rng.keyed import KeyedRandom
from learning.tasks.task import BoundTask

T = TypeVar("T")


class BatchedSolver:
    """Computes stacks of at most `rows` devices at a time; `rows` never changes a result."""

    def __init__(self, task: BoundTask, trainer: Trainer, seed: int, rows: int) -> None:
        self._task, self._trainer, self._seed, self._rows = task, trainer, seed, rows
        self.rejected = 0
        self._unsized: WeakSet[LazyVector] = WeakSet()
        self._work: Tensor | None = None

    def register(self, vector: LazyVector) -> None:
        """Record uploads whose size depends on their values: they are computed together, with the first of them."""
        if _is_unsized(vector, self._task.dim):
            self._unsized.add(vector)

    def compute(self, vector: LazyVector) -> None:
        """Compute the value of `vector` and of everything below it, group by group."""
        targets = [vector]
        if _is_unsized(vector, self._task.dim):
            targets += [other for other in self._unsized if other.value is None and other is not vector]
            self._unsized.clear()
        for group in wavefronts(targets, lambda upload: _is_unsized(upload, self._task.dim)):
            self._compute_group(group)

    def to_tensor(self, values: NDArray[np.floating]) -> Tensor:
        """Return a stored vector [d] as a tensor on the task's device."""
        return torch.from_numpy(values).to(self._task.device)

    def evaluate(self, model: LazyVector) -> Mapping[str, float]:
        """Return the task's test metrics of a model."""
        if model.value is None:
            self.compute(model)
        return self._task.evaluate(value_of(model))

    def local_loss(self, model: LazyVector, query: LossQuery) -> float:
        """Return the mean loss of a model over samples of a device."""
        if model.value is None:
            self.compute(model)
        positions = draw_loss_samples(self._seed, query, self._task.samples)
        return self._task.local_loss(value_of(model), query.device, positions)

    def _compute_group(self, group: Sequence[LazyVector]) -> None:
        aggregations = [(vector, vector.op) for vector in group if isinstance(vector.op, Aggregate)]
        uploads = [vector for vector in group if isinstance(vector.op, Upload)]
        for vector in group:
            match vector.op:
                case Initialize():
                    vector.set_value(self._task.initial(self._seed))
                case Broadcast():
                    self._broadcast(vector, vector.op)
                case WeightedSum(terms):
                    vector.set_value(weighted_sum(terms))
        if uploads:
            self._compute_uploads(uploads)
        if aggregations:
            self._compute_aggregations(aggregations)
        for vector in group:
            if isinstance(vector.op, MemoryAfter):  # not yet set by an aggregation
                self._decode([vector.op.message])
            elif isinstance(vector.op, Train) and vector.value is None:
                vector.set_value(train_one(self._trainer, vector.op))

    def _broadcast(self, vector: LazyVector, op: Broadcast) -> None:
        out = torch.empty_like(value_of(op.model))
        work = compute_difference(op.codec, op.model, op.reference, out)[None]
        encoded = self._encode(op.codec, work, [vector], [op])
        vector.bits = row_bits(encoded)
        vector.vote_sum = op.model.vote_sum if isinstance(op.codec, Integer) else None
        vector.set_value(apply_broadcast(op.codec, encoded.values[0], op.reference))

    def _compute_uploads(self, uploads: Sequence[LazyVector]) -> None:
        for chunk in _chunks(sorted(uploads, key=lambda upload: repr(_kind(upload))), _kind, self._rows):
            rows, bits = self._decode(chunk)
            for i, upload in enumerate(chunk):
                upload.bits = None if bits is None else int(bits[i])
                upload.set_value(rows[i].clone())

    def _compute_aggregations(self, aggregations: Sequence[tuple[LazyVector, Aggregate]]) -> None:
        """Compute independent aggregations, each finished with its last upload.

        Thus a rule that stores its updates stores those of one node at a time. Aggregations with updates that are not
        finite are repeated without them.
        """
        for vector, op in aggregations:
            if not op.uploads:
                keep_base(vector, op)
        repeated: list[tuple[LazyVector, Aggregate]] = []
        pairs = [(i, k) for i, (_, op) in enumerate(aggregations) for k in range(len(op.uploads))]
        pending: dict[int, PendingAggregation] = {}
        for chunk in _chunks(
            pairs, lambda pair: _kind(aggregations[pair[0]][1].uploads[pair[1]]), self._rows
        ):
            rows, _ = self._decode([aggregations[i][1].uploads[k] for i, k in chunk])
            for i, a, b in equal_runs([i for i, _ in chunk]):
                vector, op = aggregations[i]
                aggregation = pending.pop(i, None) or PendingAggregation(vector, op)
                if not aggregation.add(chunk[a][1], chunk[b - 1][1] + 1, rows[a:b]):
                    pending[i] = aggregation
                    continue
                self.rejected += len(aggregation.non_finite)
                repeated += aggregation.finish(single_key(op.key))
        if repeated:
            self._compute_aggregations(repeated)

    def _decode(self, uploads: Sequence[LazyVector]) -> tuple[Sequence[Tensor] | Tensor, Tensor | None]:
        """Return what receivers decode of a chunk of uploads of one kind, and the sizes; valid until the next call."""
        if uploads[0].value is not None:
            return [value_of(upload) for upload in uploads], None
        ops = [upload.op for upload in uploads if isinstance(upload.op, Upload)]
        jobs = [op.model.op for op in ops if isinstance(op.model.op, Train)]
        codec = ops[0].codec
        if codec.lossless and not jobs:
            return [value_of(op.model) for op in ops], None
        work = self._workspace(len(ops), value_of(ops[0].reference))
        if jobs:
            models = sends_models(codec)
            work = self._train(jobs, models)
            for op, row in zip(ops, work, strict=True):
                retain_model(op.model, row, models)
        if codec.lossless:
            return work, None
        if not jobs:
            for row, op in zip(work, ops, strict=True):
                compute_difference(codec, op.model, op.reference, row)
        encoded = self._encode(codec, work, uploads, ops)
        return decode_updates(codec, encoded.values, [op.reference for op in ops]), encoded.bits

    def _encode(
        self,
        codec: Compressor,
        work: Tensor,
        messages: Sequence[LazyVector],
        ops: Sequence[Upload | Broadcast],
    ) -> Encoded:
        """Return the encoded rows; the memory rows that they leave behind are set too."""
        rng = KeyedRandom(np.array([op.key for op in ops], dtype=np.uint64))
        if not is_stateful(codec):
            return encode(codec, work, rng)
        memory = torch.zeros_like(work)
        for row, op in zip(memory, ops, strict=True):
            if op.memory is not None:
                row.copy_(value_of(op.memory))
        encoded, after = encode_with_memory(codec, work, memory, rng)
        for message, row in zip(messages, after, strict=True):
            following = message.live_memory_after()
            if following is not None and following.value is None:
                following.set_value(row)
        return encoded

    def _train(self, jobs: Sequence[Train], models: bool) -> Tensor:
        work = self._workspace(len(jobs), value_of(jobs[0].start_model))
        for row, job in zip(work, jobs, strict=True):
            row.copy_(value_of(job.start_model))
        train_stack(self._trainer, work, jobs, models)
        return work

    def _workspace(self, rows: int, like: Tensor) -> Tensor:
        if self._work is None or len(self._work) < rows:
            self._work = allocate_aligned(rows, (like.numel(),), like)
        return self._work[:rows]


def _is_unsized(vector: LazyVector, dim: int) -> bool:
    return isinstance(vector.op, Upload) and vector.value is None and vector.op.codec.bits(dim) is None


def _kind(upload: LazyVector) -> Hashable:
    """Uploads of one kind may share a stack."""
    op = upload.op
    if upload.value is not None or not isinstance(op, Upload):
        return "computed"
    job = op.model.op
    if isinstance(job, Train):
        return (op.codec, job.leaf, job.steps, job.correction is None)
    return (op.codec,)


def _chunks(items: Iterable[T], kind: Callable[[T], Hashable], rows: int) -> Iterator[list[T]]:
    """Yield runs of one kind, in order, cut to at most `rows` items."""
    for _, run in groupby(items, key=kind):
        same = list(run)
        for start in range(0, len(same), rows):
            yield same[start : start + rows]
