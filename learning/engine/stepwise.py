"""Local work step by step: the trainers give gradients, and what is made of them is written here once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from learning.engine.merging import value_of
from learning.engine.promises import Ref, Train
from learning.engine.trainers import Trainer


def train(trainer: Trainer, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
    """As `Trainer.train`, whatever the jobs ask for; plain SGD goes to the trainer whole."""
    if jobs[0].shift is None:
        trainer.train(work, jobs, models)
        return
    shifts = torch.stack([value_of(job.shift) for job in jobs if job.shift is not None])
    rate, moved = jobs[0].leaf.learning_rate, torch.zeros_like(work)
    for step in range(jobs[0].steps):
        change = _descent(trainer, work, jobs, step).sub_(shifts).mul_(rate)
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
