"""Computes every promise the moment it is made, one row at a time: the oracle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from learning.coins import Coins
from learning.compressors import Encoded
from learning.engine.encoding import encoded
from learning.engine.merging import base_of, carries_models
from learning.engine.promises import Announce, Answer, Combine, Ref, Start, Train
from learning.engine.trainers import Trainer
from learning.tasks import BoundTask


class EagerSolver:
    """One job at a time through a reference trainer."""

    def __init__(self, task: BoundTask, trainer: Trainer, seed: int) -> None:
        self._task, self._trainer, self._seed = task, trainer, seed

    def promised(self, ref: Ref) -> None:
        """Compute at once, except local work: that is seen only through the answer made of it."""
        if not isinstance(ref.op, Train):
            self.settle(ref)

    def settle(self, ref: Ref) -> None:
        """Give `ref` its value; its parents have theirs."""
        match ref.op:
            case Start():
                ref.settle(self._task.initial(self._seed))
            case Train():
                ref.settle(self._trained(ref.op, models=True))
            case Answer():
                ref.bits = self._answer(ref, ref.op)
            case Announce(codec, own, copy, key):
                sent = encoded(codec, (value_of(own) - value_of(copy))[None], one_key(key))
                ref.bits = bits_of(sent)
                ref.settle(value_of(copy) + sent.values[0])
            case Combine():
                ref.settle(self._combine(ref.op))

    def score(self, ref: Ref) -> Mapping[str, float]:
        """The task's test metrics of a model."""
        return self._task.score(value_of(ref))

    def _trained(self, job: Train, models: bool) -> Tensor:
        work = value_of(job.model).clone()[None]
        self._trainer.train(work, [job], models)
        return work[0]

    def _answer(self, ref: Ref, op: Answer) -> int | None:
        job = op.moved.op
        local = isinstance(job, Train)
        if op.codec.lossless:
            ref.settle(self._trained(job, models=True) if isinstance(job, Train) else value_of(op.moved))
            return None
        update = (
            self._trained(job, False) if isinstance(job, Train) else value_of(op.moved) - value_of(op.heard)
        )
        sent = encoded(op.codec, update[None] if local else update[None].clone(), one_key(op.key))
        ref.settle(sent.values[0])
        return bits_of(sent)

    def _combine(self, op: Combine) -> Tensor:
        models = carries_models(op)
        state = op.rule.begin(value_of(op.onto))
        for answer, weight in zip(op.answers, op.weights, strict=True):
            row = value_of(answer)
            if isinstance(answer.op, Answer) and answer.op.codec.lossless and not models:
                row = row - value_of(answer.op.heard)
            op.rule.add(state, row[None], (weight,))
        return op.rule.end(state, base_of(op, models), one_key(op.key))


def value_of(ref: Ref) -> Tensor:
    """A settled vector; asking for one that is not is our bug."""
    if ref.value is None:
        raise AssertionError(f"looked at an unsettled promise: {ref.op}")
    return ref.value


def one_key(key: int) -> Coins:
    """The coins of a single row."""
    return Coins(np.array([key], dtype=np.uint64))


def bits_of(sent: Encoded) -> int | None:
    """The data-dependent size of a single encoded row, if it has one."""
    return None if sent.bits is None else int(torch.as_tensor(sent.bits)[0])
