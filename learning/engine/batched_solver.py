"""Computes promises late, in stacked waves, through one reused workspace of bounded size.

A combine is settled by pulling its children chunk by chunk: train, encode, accumulate in child order,
drop. Results are the same bits for every chunk size, because no step mixes the rows of a stack.
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

from learning.compressors import Compressor, Encoded, Integer, remembers, sends_models
from learning.engine import optimizer_steps
from learning.engine.aggregation import PendingAggregation
from learning.engine.answer_batches import runs
from learning.engine.compressor_calls import encoded, remembered
from learning.engine.eager_solver import bits_of, one_key
from learning.engine.fused_trainer import aligned
from learning.engine.message_values import copied, decoded, difference, stay, value_of, weighted_sum
from learning.engine.minibatches import looked_at
from learning.engine.promises import Announce, Answer, Combine, Linear, Look, Memory, Ref, Start, Train
from learning.engine.trainers import Trainer
from learning.engine.waves import waves
from learning.rng.keyed import KeyedRandom
from learning.tasks.task import BoundTask

T = TypeVar("T")


class BatchedSolver:
    """Stacks of at most `rows` devices at a time; `rows` never changes a result."""

    def __init__(self, task: BoundTask, trainer: Trainer, seed: int, rows: int) -> None:
        self._task, self._trainer, self._seed, self._rows = task, trainer, seed, rows
        self.rejected = 0
        self._unsized: WeakSet[Ref] = WeakSet()
        self._work: Tensor | None = None

    def promised(self, ref: Ref) -> None:
        """Note letters whose size depends on their values: the first to be sized settles all of them."""
        if _unsized(ref, self._task.dim):
            self._unsized.add(ref)

    def settle(self, ref: Ref) -> None:
        """Compute everything `ref` rests on, wave by wave."""
        targets = [ref]
        if _unsized(ref, self._task.dim):
            targets += [r for r in self._unsized if r.value is None and r is not ref]
            self._unsized.clear()
        for wave in waves(targets, lambda r: _unsized(r, self._task.dim)):
            self._settle_wave(wave)

    def tensor(self, values: NDArray[np.floating]) -> Tensor:
        """A kept vector, back on the task's device."""
        return torch.from_numpy(values).to(self._task.device)

    def score(self, ref: Ref) -> Mapping[str, float]:
        """The task's test metrics of a model."""
        if ref.value is None:
            self.settle(ref)
        return self._task.score(value_of(ref))

    def loss(self, ref: Ref, look: Look) -> float:
        """See `Solver`."""
        if ref.value is None:
            self.settle(ref)
        return self._task.local_loss(
            value_of(ref), look.device, looked_at(self._seed, look, self._task.samples)
        )

    def _settle_wave(self, wave: Sequence[Ref]) -> None:
        combines = [(ref, ref.op) for ref in wave if isinstance(ref.op, Combine)]
        answers = [ref for ref in wave if isinstance(ref.op, Answer)]
        for ref in wave:
            match ref.op:
                case Start():
                    ref.settle(self._task.initial(self._seed))
                case Announce():
                    self._announce(ref, ref.op)
                case Linear(terms):
                    ref.settle(weighted_sum(terms))
        if answers:
            self._settle_answers(answers)
        if combines:
            self._settle_combines(combines)
        for ref in wave:
            if isinstance(ref.op, Memory):  # else a combine has left it behind by now
                self._rows_of([ref.op.message])
            elif isinstance(ref.op, Train) and ref.value is None:
                ref.settle(optimizer_steps.alone(self._trainer, ref.op))

    def _announce(self, ref: Ref, op: Announce) -> None:
        work = difference(op.codec, op.own, op.copy, torch.empty_like(value_of(op.own)))[None]
        sent = self._encoded(op.codec, work, [ref], [op])
        ref.bits = bits_of(sent)
        ref.tally = op.own.tally if isinstance(op.codec, Integer) else None
        ref.settle(copied(op.codec, sent.values[0], op.copy))

    def _settle_answers(self, refs: Sequence[Ref]) -> None:
        for chunk in _chunks(sorted(refs, key=lambda r: repr(_kind(r))), _kind, self._rows):
            rows, bits = self._rows_of(chunk)
            for i, ref in enumerate(chunk):
                ref.bits = None if bits is None else int(bits[i])
                ref.settle(rows[i].clone())

    def _settle_combines(self, combines: Sequence[tuple[Ref, Combine]]) -> None:
        """Settle combines that do not rest on each other, one after another as their last answers come about.

        So a rule that keeps its answers keeps those of one node. What was poisoned is left out in a second go.
        """
        for ref, op in combines:
            if not op.answers:
                stay(ref, op)
        again: list[tuple[Ref, Combine]] = []
        pulls = [(i, k) for i, (_, op) in enumerate(combines) for k in range(len(op.answers))]
        under_way: dict[int, PendingAggregation] = {}
        for chunk in _chunks(pulls, lambda pull: _kind(combines[pull[0]][1].answers[pull[1]]), self._rows):
            rows, _ = self._rows_of([combines[i][1].answers[k] for i, k in chunk])
            for i, a, b in runs([i for i, _ in chunk]):
                ref, op = combines[i]
                merging = under_way.pop(i, None) or PendingAggregation(ref, op)
                if not merging.take(chunk[a][1], chunk[b - 1][1] + 1, rows[a:b]):
                    under_way[i] = merging
                    continue
                self.rejected += len(merging.bad)
                again += merging.end(one_key(op.key))
        if again:
            self._settle_combines(again)

    def _rows_of(self, answers: Sequence[Ref]) -> tuple[Sequence[Tensor] | Tensor, Tensor | None]:
        """What receivers decode of a chunk of like answers; rows live until the next call."""
        if answers[0].value is not None:
            return [value_of(answer) for answer in answers], None
        ops = [answer.op for answer in answers if isinstance(answer.op, Answer)]
        jobs = [op.moved.op for op in ops if isinstance(op.moved.op, Train)]
        codec = ops[0].codec
        if codec.lossless and not jobs:
            return [value_of(op.moved) for op in ops], None
        work = self._workspace(len(ops), value_of(ops[0].heard))
        if jobs:
            models = sends_models(codec)
            work = self._trained(jobs, models)
            for op, row in zip(ops, work, strict=True):
                optimizer_steps.keep(op.moved, row, models)
        if codec.lossless:
            return work, None
        if not jobs:
            for row, op in zip(work, ops, strict=True):
                difference(codec, op.moved, op.heard, row)
        sent = self._encoded(codec, work, answers, ops)
        return decoded(codec, sent.values, [op.heard for op in ops]), sent.bits

    def _encoded(
        self, codec: Compressor, work: Tensor, refs: Sequence[Ref], ops: Sequence[Answer | Announce]
    ) -> Encoded:
        """The rows as messages; the memory rows they leave behind are settled on the way."""
        rng = KeyedRandom(np.array([op.key for op in ops], dtype=np.uint64))
        if not remembers(codec):
            return encoded(codec, work, rng)
        memory = torch.zeros_like(work)
        for row, op in zip(memory, ops, strict=True):
            if op.memory is not None:
                row.copy_(value_of(op.memory))
        sent, after = remembered(codec, work, memory, rng)
        for ref, row in zip(refs, after, strict=True):
            left = None if ref.after is None else ref.after()
            if left is not None and left.value is None:
                left.settle(row)
        return sent

    def _trained(self, jobs: Sequence[Train], models: bool) -> Tensor:
        work = self._workspace(len(jobs), value_of(jobs[0].model))
        for row, job in zip(work, jobs, strict=True):
            row.copy_(value_of(job.model))
        optimizer_steps.train(self._trainer, work, jobs, models)
        return work

    def _workspace(self, rows: int, like: Tensor) -> Tensor:
        if self._work is None or len(self._work) < rows:
            self._work = aligned(rows, (like.numel(),), like)
        return self._work[:rows]


def _unsized(ref: Ref, dim: int) -> bool:
    return isinstance(ref.op, Answer) and ref.value is None and ref.op.codec.bits(dim) is None


def _kind(ref: Ref) -> Hashable:
    """Answers of one kind may share a stack."""
    op = ref.op
    if ref.value is not None or not isinstance(op, Answer):
        return "settled"
    job = op.moved.op
    return (op.codec, job.leaf, job.steps, job.shift is None) if isinstance(job, Train) else (op.codec,)


def _chunks(items: Iterable[T], kind: Callable[[T], Hashable], rows: int) -> Iterator[list[T]]:
    """Runs of one kind, in order, cut to at most `rows`."""
    for _, run in groupby(items, key=kind):
        same = list(run)
        for start in range(0, len(same), rows):
            yield same[start : start + rows]
