"""Local work step by step: the trainers give gradients, and what is made of them is written here once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from learning.engine.message_values import value_of
from learning.engine.promises import Ref, Train
from learning.engine.trainers import Trainer


def train(trainer: Trainer, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
    """As `Trainer.train`, whatever the jobs ask for; plain SGD goes to the trainer whole."""
    leaf = jobs[0].leaf
    if jobs[0].shift is None and leaf.local.plain:
        trainer.train(work, jobs, models)
        return
    start, moved, velocity = work.clone(), torch.zeros_like(work), leaf.local.velocity(work)
    for step in range(jobs[0].steps):
        gradient = _descent(trainer, work, jobs, step).neg_()
        for row, job in zip(gradient, jobs, strict=True):
            if job.shift is not None:
                row.add_(value_of(job.shift))
        if leaf.local.prox:
            gradient.add_(work - start, alpha=leaf.local.prox)
        rates = [leaf.learning_rate * leaf.local.schedule.factor(job.first_step + step) for job in jobs]
        change = leaf.local.change(work, gradient, velocity, rates)
        work.add_(change)
        moved.add_(change)
    if not models:
        work.copy_(moved)


def keep(ref: Ref, row: Tensor, models: bool) -> None:
    """Settle a trained model that is wanted besides its answer; `row` is the model, or the update."""
    job = ref.op
    if isinstance(job, Train) and job.keeps != "no" and ref.value is None:
        ref.settle(row.clone() if models else value_of(job.model) + row)


def alone(trainer: Trainer, job: Train) -> Tensor:
    """The trained model of one job, the way its `keeps` says."""
    work = value_of(job.model).clone()[None]
    train(trainer, work, [job], models=job.keeps != "update")
    return value_of(job.model) + work[0] if job.keeps == "update" else work[0]


def _descent(trainer: Trainer, work: Tensor, jobs: Sequence[Train], step: int) -> Tensor:
    """Minus the gradients [K, d] at `work`: one step of rate 1."""
    unit = replace(jobs[0].leaf, learning_rate=1.0)
    once = [replace(job, leaf=unit, steps=1, first_step=job.first_step + step) for job in jobs]
    out = work.clone()
    trainer.train(out, once, models=False)
    return out
