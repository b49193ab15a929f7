"""Local work: K devices' SGD steps in a stack, by one of several strategies.

Which strategy runs is a fixed function of model family and device class (learning.engine.numerics), so
that results do not depend on a machine's mood. `Reference` is the oracle: one device at a time through
torch.nn and torch.optim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from learning.engine.fused_trainer import Fused
from learning.engine.im2col_trainer import Im2col
from learning.engine.losses import halved, loss_of
from learning.engine.minibatches import batches, minibatches
from learning.engine.promises import Train
from learning.tasks.task import BoundTask


class Trainer(Protocol):
    """Does the local work of `jobs`, which share their leaf and number of steps."""

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """`work` [K, d] holds the start models and receives the trained models, or the updates if not `models`.

        A single step's update is -learning_rate * gradient itself, never (w - lr g) - w: signs of
        coordinates whose gradient is 0 must not come from rounding.
        """
        ...


class Looped:
    """Device by device over views of the same stack: the fastest way for wide convolutions on a CPU."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed, self._loss = task, seed, loss_of(task)

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for row, job in zip(work, jobs, strict=True):
            self._one(row, job, models)

    def _one(self, row: Tensor, job: Train, models: bool) -> None:
        start = None if models or job.steps == 1 else row.clone()
        views = {name: view.requires_grad_() for name, view in self._task.views(row.detach()).items()}
        for picks in minibatches(self._seed, [job], self._task.samples):
            for x, y in batches(self._task, [job.device], picks):
                self._step(views, self._loss(views, x[0], y[0]), job, models)
        if start is not None:
            row.sub_(start)

    def _step(self, views: dict[str, Tensor], loss: Tensor, job: Train, models: bool) -> None:
        gradients = torch.autograd.grad(loss, list(views.values()))
        with torch.no_grad():
            for view, gradient in zip(views.values(), gradients, strict=True):
                if models or job.steps > 1:
                    view.sub_(gradient, alpha=job.leaf.learning_rate)
                else:
                    torch.mul(gradient, -job.leaf.learning_rate, out=view)


class Reference:
    """One job at a time, obviously right: torch.nn's parameters, autograd's backward, torch.optim's SGD."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed = task, seed
        self._loss = halved(task.device, task.module_loss) if task.half else task.module_loss

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for row, job in zip(work, jobs, strict=True):
            row.copy_(self._one(row.clone(), job, models))

    def _one(self, start: Tensor, job: Train, models: bool) -> Tensor:
        module = self._task.module
        vector_to_parameters(start.clone(), module.parameters())
        optimiser = torch.optim.SGD(module.parameters(), lr=job.leaf.learning_rate)
        for picks in minibatches(self._seed, [job], self._task.samples):
            for picked in picks[0]:
                x, y = self._task.gather([job.device], picked[None])
                optimiser.zero_grad()
                torch.autograd.backward(self._loss(x[0], y[0]))
                optimiser.step()
        if not models and job.steps == 1:
            step = [-job.leaf.learning_rate * p.grad for p in module.parameters() if p.grad is not None]
            return torch.cat([s.reshape(-1) for s in step])
        trained = parameters_to_vector(module.parameters()).detach()
        return trained if models else trained - start


TRAINERS: dict[str, Callable[[BoundTask, int], Trainer]] = {
    "fused": Fused,
    "im2col": Im2col,
    "loop": Looped,
    "reference": Reference,
}
"""All strategies but vmap, which needs to know the size of its stacks (learning.engine.vmap_trainer)."""
