"""Computes every promise the moment it is made, one row at a time: the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.compressors import Encoded, Integer, remembers, sends_models
from learning.engine import optimizer_steps
from learning.engine.compressor_calls import encoded, remembered
from learning.engine.finite_check import poisoned, without
from learning.engine.message_values import (
    carries_models,
    copied,
    decoded,
    difference,
    merge,
    stay,
    value_of,
    weighted_sum,
)
from learning.engine.minibatches import looked_at
from learning.engine.promises import Announce, Answer, Combine, Linear, Look, Memory, Ref, Start, Train
from learning.engine.trainers import Trainer
from learning.rng.keyed import KeyedRandom
from learning.tasks.task import BoundTask


class EagerSolver:
    """One job at a time through a reference trainer."""

    def __init__(self, task: BoundTask, trainer: Trainer, seed: int) -> None:
        self._task, self._trainer, self._seed = task, trainer, seed
        self.rejected = 0
        self._left: WeakKeyDictionary[Ref, Tensor] = WeakKeyDictionary()

    def promised(self, ref: Ref) -> None:
        """Compute at once, except local work: that comes about with the answer made of it."""
        if not isinstance(ref.op, Train):
            self.settle(ref)

    def settle(self, ref: Ref) -> None:
        """Give `ref` its value; its parents have theirs."""
        match ref.op:
            case Start():
                ref.settle(self._task.initial(self._seed))
            case Linear(terms):
                ref.settle(weighted_sum(terms))
            case Answer():
                ref.bits = self._answer(ref, ref.op)
            case Announce(codec, own, copy):
                row = difference(codec, own, copy, torch.empty_like(value_of(own)))
                sent = self._encoded(ref, ref.op, row)
                ref.bits = bits_of(sent)
                ref.tally = own.tally if isinstance(codec, Integer) else None
                ref.settle(copied(codec, sent.values[0], copy))
            case Memory(message):
                ref.settle(self._left.pop(message))
            case Combine():
                self._combine(ref, ref.op)

    def score(self, ref: Ref) -> Mapping[str, float]:
        """The task's test metrics of a model."""
        return self._task.score(value_of(ref))

    def loss(self, ref: Ref, look: Look) -> float:
        """See `Solver`."""
        return self._task.local_loss(
            value_of(ref), look.device, looked_at(self._seed, look, self._task.samples)
        )

    def _trained(self, moved: Ref, job: Train, models: bool) -> Tensor:
        work = value_of(job.model).clone()[None]
        optimizer_steps.train(self._trainer, work, [job], models)
        optimizer_steps.keep(moved, work[0], models)
        return work[0]

    def _answer(self, ref: Ref, op: Answer) -> int | None:
        job = op.moved.op
        whole = op.codec.lossless
        if isinstance(job, Train):
            row = self._trained(op.moved, job, models=sends_models(op.codec))
        elif whole:
            row = value_of(op.moved)
        else:
            row = difference(op.codec, op.moved, op.heard, torch.empty_like(value_of(op.moved)))
        if whole:
            ref.settle(row)
            return None
        sent = self._encoded(ref, op, row)
        ref.settle(decoded(op.codec, sent.values, [op.heard])[0])
        return bits_of(sent)

    def _encoded(self, ref: Ref, op: Answer | Announce, row: Tensor) -> Encoded:
        if not remembers(op.codec):
            return encoded(op.codec, row[None], one_key(op.key))
        memory = torch.zeros_like(row) if op.memory is None else value_of(op.memory)
        sent, after = remembered(op.codec, row[None], memory[None], one_key(op.key))
        self._left[ref] = after[0]
        return sent

    def _combine(self, ref: Ref, op: Combine) -> None:
        rows = [value_of(answer) for answer in op.answers]
        if bad := poisoned(op.guard, 0, rows):
            self.rejected += len(bad)
            op = without(op, bad)
        left = self._merged(ref, op) if op.answers else stay(ref, op)
        if left is not None:
            self._left[ref] = left

    def _merged(self, ref: Ref, op: Combine) -> Tensor | None:
        models = carries_models(op)
        state = op.rule.begin(value_of(op.onto))
        for answer, weight in zip(op.answers, op.weights, strict=True):
            row = value_of(answer)
            if isinstance(answer.op, Answer) and answer.op.codec.lossless and not models:
                row = row - value_of(answer.op.heard)
            op.rule.add(state, row[None], (weight,))
        return merge(ref, op, state, models, one_key(op.key))

    def tensor(self, values: NDArray[np.floating]) -> Tensor:
        """A kept vector, back on the task's device."""
        return torch.from_numpy(values).to(self._task.device)


def one_key(key: int) -> KeyedRandom:
    """The coins of a single row."""
    return KeyedRandom(np.array([key], dtype=np.uint64))


def bits_of(sent: Encoded) -> int | None:
    """The data-dependent size of a single encoded row, if it has one."""
    return None if sent.bits is None else int(torch.as_tensor(sent.bits)[0])
