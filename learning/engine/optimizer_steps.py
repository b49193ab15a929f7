"""Local training step by step: trainers compute gradients, and the local optimizer applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from learning.engine.lazy_vectors import LazyVector, Train
from learning.engine.message_values import value_of
from learning.engine.trainers import Trainer


def train_stack(trainer: Trainer, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
    """As `Trainer.train`, with gradient corrections and any local optimizer; plain SGD is left to the trainer."""
    leaf = jobs[0].leaf
    if jobs[0].correction is None and leaf.local.plain:
        trainer.train(work, jobs, models)
        return
    start, total, velocity = work.clone(), torch.zeros_like(work), leaf.local.velocity(work)
    for step in range(jobs[0].steps):
        gradient = _negative_gradients(trainer, work, jobs, step).neg_()
        for row, job in zip(gradient, jobs, strict=True):
            if job.correction is not None:
                row.add_(value_of(job.correction))
        if leaf.local.prox:
            gradient.add_(work - start, alpha=leaf.local.prox)
        rates = [leaf.learning_rate * leaf.local.schedule.factor(job.first_step + step) for job in jobs]
        change = leaf.local.change(work, gradient, velocity, rates)
        work.add_(change)
        total.add_(change)
    if not models:
        work.copy_(total)


def retain_model(vector: LazyVector, row: Tensor, models: bool) -> None:
    """Set the value of a trained model that is needed besides its upload; `row` [d] is the model, or the update."""
    job = vector.op
    if isinstance(job, Train) and job.retain != "no" and vector.value is None:
        vector.set_value(row.clone() if models else value_of(job.start_model) + row)


def train_one(trainer: Trainer, job: Train) -> Tensor:
    """Return the trained model [d] of one job, computed as `job.retain` states."""
    work = value_of(job.start_model).clone()[None]
    train_stack(trainer, work, [job], models=job.retain != "update")
    return value_of(job.start_model) + work[0] if job.retain == "update" else work[0]


def _negative_gradients(trainer: Trainer, work: Tensor, jobs: Sequence[Train], step: int) -> Tensor:
    """Minus the gradients [K, d] at `work`: the update of one step at learning rate 1."""
    leaf = replace(jobs[0].leaf, learning_rate=1.0)
    single_steps = [replace(job, leaf=leaf, steps=1, first_step=job.first_step + step) for job in jobs]
    out = work.clone()
    trainer.train(out, single_steps, models=False)
    return out
