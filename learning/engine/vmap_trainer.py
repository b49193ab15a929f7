"""Local training of any model through torch.func.vmap, in stacks of one fixed size.

Under vmap the last bits of a device depend on the size of the stack and on the device's row, but not on the other
rows. Every stack therefore has the same number of rows, which is part of the strategy's name, and a device always
occupies the row of its ordinal modulo that number: its result depends on nothing that is not in its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.func import grad, vmap

from learning.engine.cuda_graphs import GraphReplay
from learning.engine.fused_trainer import allocate_aligned
from learning.engine.lazy_vectors import Train
from learning.engine.losses import training_loss
from learning.engine.minibatches import draw_minibatches, gather_batches
from learning.tasks.task import BoundTask


class VmapTrainer:
    """Holds the weights as one stack [rows, d]; unused rows repeat the work of another device."""

    def __init__(self, task: BoundTask, seed: int, rows: int) -> None:
        self._task, self._seed, self._rows = task, seed, rows
        self._gradients = vmap(grad(training_loss(task)), in_dims=(0, 0, 0))
        self._stack = allocate_aligned(
            rows, (task.dim,), torch.empty(0, device=task.device, dtype=task.dtype)
        )
        self._steps: dict[tuple[object, ...], _Step] = {}

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for indices in split_passes([job.device % self._rows for job in jobs]):
            group = [jobs[index] for index in indices]
            slots = [job.device % self._rows for job in group]
            rows = work[indices]
            self._stack.copy_(rows[0].expand_as(self._stack))
            self._stack[slots] = rows
            self._descend(group, slots, to_weights=models or jobs[0].steps > 1)
            trained = self._stack[slots]
            work[indices] = trained if models or jobs[0].steps == 1 else trained - rows

    def _descend(self, jobs: Sequence[Train], slots: Sequence[int], to_weights: bool) -> None:
        all_jobs = [jobs[0]] * self._rows
        for job, slot in zip(jobs, slots, strict=True):
            all_jobs[slot] = job
        devices = [job.device for job in all_jobs]
        for positions in draw_minibatches(self._seed, all_jobs, self._task.samples):
            for x, y in gather_batches(self._task, devices, positions):
                self._step(x, y, jobs[0].leaf.learning_rate, to_weights)(x, y)

    def _step(self, x: Tensor, y: Tensor, rate: float, to_weights: bool) -> _Step:
        """Return the step for tensors of these shapes; there are few, and each is captured once on a GPU."""
        key = (tuple(x.shape), y.dtype, tuple(y.shape), rate, to_weights)
        if key not in self._steps:
            self._steps[key] = _Step(
                self._gradients, self._task.views(self._stack), (x, y), rate, to_weights, self._stack
            )
        return self._steps[key]


class _Step:
    """One SGD step of the stack in place; if not `to_weights`, the step itself instead of the updated weights."""

    def __init__(
        self,
        gradients: Callable[..., dict[str, Tensor]],
        views: dict[str, Tensor],
        like: tuple[Tensor, Tensor],
        rate: float,
        to_weights: bool,
        stack: Tensor,
    ) -> None:
        self._gradients, self._views, self._rate, self._to_weights = gradients, views, rate, to_weights
        self._x, self._y = (torch.empty_like(part, memory_format=torch.contiguous_format) for part in like)
        self._replay = GraphReplay(self._run, stack)

    def __call__(self, x: Tensor, y: Tensor) -> None:
        self._x.copy_(x)
        self._y.copy_(y)
        self._replay()

    def _run(self) -> None:
        gradients = self._gradients(self._views, self._x, self._y)
        for name, view in self._views.items():
            if self._to_weights:
                view.sub_(gradients[name], alpha=self._rate)
            else:
                torch.mul(gradients[name], -self._rate, out=view)


def split_passes(slots: Sequence[int]) -> Iterator[list[int]]:
    """Yield positions in groups without repeated slots, in order: nearly always a single group."""
    remaining = list(range(len(slots)))
    while remaining:
        group: dict[int, int] = {}
        for position in remaining:
            group.setdefault(slots[position], position)
        yield list(group.values())
        remaining = [position for position in remaining if group[slots[position]] != position]
