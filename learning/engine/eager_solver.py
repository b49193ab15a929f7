"""The reference solver: computes every vector when it is declared, one row at a time."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.compressors import Encoded, Integer, is_stateful, sends_models
from learning.engine.compressor_calls import encode, encode_with_memory
from learning.engine.finite_check import find_non_finite, remove_uploads
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
    averages_models,
    compute_difference,
    decode_updates,
    finish_aggregation,
    keep_base,
    value_of,
    weighted_sum,
)
from learning.engine.minibatches import draw_loss_samples
from learning.engine.optimizer_steps import retain_model, train_stack
from learning.engine.trainers import Trainer
from learning.rng.keyed import KeyedRandom
from learning.tasks.task import BoundTask


class EagerSolver:
    """Computes one job at a time with a reference trainer."""

    def __init__(self, task: BoundTask, trainer: Trainer, seed: int) -> None:
        self._task, self._trainer, self._seed = task, trainer, seed
        self.rejected = 0
        self._memories: WeakKeyDictionary[LazyVector, Tensor] = WeakKeyDictionary()
        """Memory row that each message leaves behind."""

    def register(self, vector: LazyVector) -> None:
        """Compute the vector at once, except local training, which is computed with its upload."""
        if not isinstance(vector.op, Train):
            self.compute(vector)

    def compute(self, vector: LazyVector) -> None:
        """Compute the value of `vector`, whose inputs have theirs."""
        match vector.op:
            case Initialize():
                vector.set_value(self._task.initial(self._seed))
            case WeightedSum(terms):
                vector.set_value(weighted_sum(terms))
            case Upload():
                vector.bits = self._upload(vector, vector.op)
            case Broadcast(codec, model, reference):
                row = compute_difference(codec, model, reference, torch.empty_like(value_of(model)))
                encoded = self._encode(vector, vector.op, row)
                vector.bits = row_bits(encoded)
                vector.vote_sum = model.vote_sum if isinstance(codec, Integer) else None
                vector.set_value(apply_broadcast(codec, encoded.values[0], reference))
            case MemoryAfter(message):
                vector.set_value(self._memories.pop(message))
            case Aggregate():
                self._aggregate(vector, vector.op)

    def evaluate(self, model: LazyVector) -> Mapping[str, float]:
        """Return the task's test metrics of a model."""
        return self._task.evaluate(value_of(model))

    def local_loss(self, model: LazyVector, query: LossQuery) -> float:
        """Return the mean loss of a model over samples of a device."""
        positions = draw_loss_samples(self._seed, query, self._task.samples)
        return self._task.local_loss(value_of(model), query.device, positions)

    def to_tensor(self, values: NDArray[np.floating]) -> Tensor:
        """Return a stored vector [d] as a tensor on the task's device."""
        return torch.from_numpy(values).to(self._task.device)

    def _train(self, model: LazyVector, job: Train, models: bool) -> Tensor:
        work = value_of(job.start_model).clone()[None]
        train_stack(self._trainer, work, [job], models)
        retain_model(model, work[0], models)
        return work[0]

    def _upload(self, vector: LazyVector, op: Upload) -> int | None:
        job = op.model.op
        if isinstance(job, Train):
            row = self._train(op.model, job, models=sends_models(op.codec))
        elif op.codec.lossless:
            row = value_of(op.model)
        else:
            row = compute_difference(op.codec, op.model, op.reference, torch.empty_like(value_of(op.model)))
        if op.codec.lossless:
            vector.set_value(row)
            return None
        encoded = self._encode(vector, op, row)
        vector.set_value(decode_updates(op.codec, encoded.values, [op.reference])[0])
        return row_bits(encoded)

    def _encode(self, vector: LazyVector, op: Upload | Broadcast, row: Tensor) -> Encoded:
        if not is_stateful(op.codec):
            return encode(op.codec, row[None], single_key(op.key))
        memory = torch.zeros_like(row) if op.memory is None else value_of(op.memory)
        encoded, after = encode_with_memory(op.codec, row[None], memory[None], single_key(op.key))
        self._memories[vector] = after[0]
        return encoded

    def _aggregate(self, vector: LazyVector, op: Aggregate) -> None:
        rows = [value_of(upload) for upload in op.uploads]
        if positions := find_non_finite(op.finite_check, 0, rows):
            self.rejected += len(positions)
            op = remove_uploads(op, positions)
        memory = self._sum_uploads(vector, op) if op.uploads else keep_base(vector, op)
        if memory is not None:
            self._memories[vector] = memory

    def _sum_uploads(self, vector: LazyVector, op: Aggregate) -> Tensor | None:
        models = averages_models(op)
        state = op.rule.begin(value_of(op.base))
        for upload, weight in zip(op.uploads, op.weights, strict=True):
            row = value_of(upload)
            if isinstance(upload.op, Upload) and upload.op.codec.lossless and not models:
                row = row - value_of(upload.op.reference)
            op.rule.add(state, row[None], (weight,))
        return finish_aggregation(vector, op, state, models, single_key(op.key))


def single_key(key: int) -> KeyedRandom:
    """Return the random numbers of a single row."""
    return KeyedRandom(np.array([key], dtype=np.uint64))


def row_bits(encoded: Encoded) -> int | None:
    """Return the data-dependent size of a single encoded row, or None if its size does not depend on values."""
    return None if encoded.bits is None else int(torch.as_tensor(encoded.bits)[0])
