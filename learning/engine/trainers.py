"""Trainers: SGD steps of K devices in a stack, by one of several strategies.

The strategy is a fixed function of model family and device class (learning.engine.numerics), so that results do not
depend on measured speeds. `ReferenceTrainer` defines the correct result: one device at a time through torch.nn and
torch.optim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from learning.engine.fused_trainer import FusedTrainer
from learning.engine.im2col_trainer import Im2colTrainer
from learning.engine.lazy_vectors import Train
from learning.engine.losses import training_loss, with_bfloat16
from learning.engine.minibatches import draw_minibatches, gather_batches
from learning.tasks.task import BoundTask


class Trainer(Protocol):
    """Performs the local training of `jobs`, which share their leaf and number of steps."""

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """Train in place: `work` [K, d] holds the start models, then the trained models (or updates if not `models`).

        The update of a single step is -learning_rate * gradient itself, never (w - lr g) - w: the signs of coordinates
        whose gradient is 0 must not come from rounding.
        """
        ...


class LoopTrainer:
    """Trains device by device on views of the stack: the fastest strategy for wide convolutions on a CPU."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed, self._loss = task, seed, training_loss(task)

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for row, job in zip(work, jobs, strict=True):
            self._one(row, job, models)

    def _one(self, row: Tensor, job: Train, models: bool) -> None:
        start = None if models or job.steps == 1 else row.clone()
        views = {name: view.requires_grad_() for name, view in self._task.views(row.detach()).items()}
        for positions in draw_minibatches(self._seed, [job], self._task.samples):
            for x, y in gather_batches(self._task, [job.device], positions):
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


class ReferenceTrainer:
    """Trains one job at a time with the parameters of torch.nn, autograd's backward pass and torch.optim.SGD."""

    def __init__(self, task: BoundTask, seed: int) -> None:
        self._task, self._seed = task, seed
        self._loss = with_bfloat16(task.device, task.module_loss) if task.uses_bfloat16 else task.module_loss

    def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
        """See Trainer."""
        for row, job in zip(work, jobs, strict=True):
            row.copy_(self._one(row.clone(), job, models))

    def _one(self, start: Tensor, job: Train, models: bool) -> Tensor:
        module = self._task.module
        vector_to_parameters(start.clone(), module.parameters())
        optimizer = torch.optim.SGD(module.parameters(), lr=job.leaf.learning_rate)
        for positions in draw_minibatches(self._seed, [job], self._task.samples):
            for batch in positions[0]:
                x, y = self._task.gather([job.device], batch[None])
                optimizer.zero_grad()
                torch.autograd.backward(self._loss(x[0], y[0]))
                optimizer.step()
        if not models and job.steps == 1:
            step = [-job.leaf.learning_rate * p.grad for p in module.parameters() if p.grad is not None]
            return torch.cat([s.reshape(-1) for s in step])
        trained = parameters_to_vector(module.parameters()).detach()
        return trained if models else trained - start


TRAINERS: dict[str, Callable[[BoundTask, int], Trainer]] = {
    "fused": FusedTrainer,
    "im2col": Im2colTrainer,
    "loop": LoopTrainer,
    "reference": ReferenceTrainer,
}
"""All strategies but vmap, which also needs the size of its stacks (learning.engine.vmap_trainer)."""
