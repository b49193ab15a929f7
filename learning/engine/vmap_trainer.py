"""Local work of any model through torch.func.vmap, in stacks of one fixed size.

Under vmap a device's last bits depend on how large the stack is and where in it the device lies, though not on its
neighbours. Therefore every stack has the same number of rows, which is part of the strategy's name, and a device
always lies in the row of its ordinal modulo that number: then its result depends on nothing that is not in its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.func import grad, vmap

from learning.engine.cuda_graphs import Replay
from learning.engine.fused_trainer import aligned
from learning.engine.losses import loss_of
from learning.engine.minibatches import batches, minibatches
from learning.engine.promises import Train
from learning.tasks.task import BoundTask


class Vmapped:
    """Weights as one stack [rows, d]; rows without a device of their own repeat another's work."""

    def __init__(self, task: BoundTask, seed: int, rows: int) -> None:
        self._task, self._seed, self._rows = task, seed, rows
        self._gradients = vmap(grad(loss_of(task)), in_dims=(0, 0, 0))
        self._stack = aligned(rows, (task.dim,), torch.empty(0, device=task.device, dtype=task.dtype))
        self._steps: dict[tuple[object, ...], _Step] = {}

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for places in passes([job.device % self._rows for job in jobs]):
            some = [jobs[place] for place in places]
            slots = [job.device % self._rows for job in some]
            rows = work[places]
            self._stack.copy_(rows[0].expand_as(self._stack))
            self._stack[slots] = rows
            self._descend(some, slots, whole=models or jobs[0].steps > 1)
            trained = self._stack[slots]
            work[places] = trained if models or jobs[0].steps == 1 else trained - rows

    def _descend(self, jobs: Sequence[Train], slots: Sequence[int], whole: bool) -> None:
        every = [jobs[0]] * self._rows
        for job, slot in zip(jobs, slots, strict=True):
            every[slot] = job
        devices = [job.device for job in every]
        for picks in minibatches(self._seed, every, self._task.samples):
            for x, y in batches(self._task, devices, picks):
                self._step(x, y, jobs[0].leaf.learning_rate, whole)(x, y)

    def _step(self, x: Tensor, y: Tensor, rate: float, whole: bool) -> _Step:
        """The step for tensors of these shapes: there are few, and each is captured once on a GPU."""
        key = (tuple(x.shape), y.dtype, tuple(y.shape), rate, whole)
        if key not in self._steps:
            self._steps[key] = _Step(
                self._gradients, self._task.views(self._stack), (x, y), rate, whole, self._stack
            )
        return self._steps[key]


class _Step:
    """One SGD step of the stack, in place; if not `whole`, the step itself instead of the stepped weights."""

    def __init__(
        self,
        gradients: Callable[..., dict[str, Tensor]],
        views: dict[str, Tensor],
        like: tuple[Tensor, Tensor],
        rate: float,
        whole: bool,
        stack: Tensor,
    ) -> None:
        self._gradients, self._views, self._rate, self._whole = gradients, views, rate, whole
        self._x, self._y = (torch.empty_like(part, memory_format=torch.contiguous_format) for part in like)
        self._replay = Replay(self._run, stack)

    def __call__(self, x: Tensor, y: Tensor) -> None:
        self._x.copy_(x)
        self._y.copy_(y)
        self._replay()

    def _run(self) -> None:
        gradients = self._gradients(self._views, self._x, self._y)
        for name, view in self._views.items():
            if self._whole:
                view.sub_(gradients[name], alpha=self._rate)
            else:
                torch.mul(gradients[name], -self._rate, out=view)


def passes(slots: Sequence[int]) -> Iterator[list[int]]:
    """Positions in groups whose slots differ, in order: nearly always one group of all."""
    left = list(range(len(slots)))
    while left:
        taken: set[int] = set()
        now = [at for at in left if not (slots[at] in taken or taken.add(slots[at]))]  # type: ignore[func-returns-value]
        left = [at for at in left if at not in set(now)]
        yield now
