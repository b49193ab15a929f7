"""Measurement of the fastest strategy on this machine: a few local steps by each one that can train the model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learning.engine.lazy_vectors import LazyVector, Train
from learning.engine.numerics import STRATEGIES, Numerics, StrategyError, stack_rows, with_strategy
from learning.engine.solver_factory import bind_task, make_trainer

if TYPE_CHECKING:
    from learning.algorithms.layer import Leaf
    from learning.engine.trainers import Trainer
    from learning.tasks.task import BoundTask, Task

REPEATS, STEPS = 3, 4
STACKS = {"cpu": (2, 8, 32), "cuda": (128, 512, 1024)}
"""Sizes of vmap's stacks that are measured."""
DEVICES = {"cpu": 32, "cuda": 1024}
"""Devices that train in a measurement, limited by the task's number of devices."""


@dataclass(frozen=True)
class StrategyTiming:
    """The measured speed of a strategy on this machine."""

    strategy: str
    steps_per_s: float


def tune_strategy(
    numerics: Numerics, task: Task, leaf: Leaf, steps: int, memory_bytes: int | None = None
) -> list[StrategyTiming]:
    """Return every strategy that can train `task`, fastest first: medians of host time per device and local step.

    `numerics` gives device and precision, `steps` the number of local steps that a device makes in a row (at most STEPS
    are measured). The result depends on the machine, so a strategy chosen by it must be part of the digest.
    """
    speeds = {}
    for name in _names(numerics, task, memory_bytes):
        bound = bind_task(numerics, task)
        try:
            tuned = with_strategy(numerics, name, task, memory_bytes)
            trainer = make_trainer(tuned, bound, seed=0)
        except StrategyError:
            continue
        rows = tuned.stack or stack_rows(task.dim, tuned, memory_bytes)
        speeds[tuned.strategy] = _steps_per_s(trainer, bound, leaf, rows, min(steps, STEPS))
    return [
        StrategyTiming(name, steps_per_s)
        for name, steps_per_s in sorted(speeds.items(), key=lambda entry: -entry[1])
    ]


def _names(numerics: Numerics, task: Task, memory_bytes: int | None) -> list[str]:
    limit = min(task.devices, stack_rows(task.dim, numerics, memory_bytes))
    stacks = sorted({min(rows, limit) for rows in STACKS[numerics.device]})
    return [name for name in STRATEGIES if name != "vmap"] + [f"vmap:{rows}" for rows in stacks]


def _steps_per_s(trainer: Trainer, bound: BoundTask, leaf: Leaf, rows: int, steps: int) -> float:
    model = LazyVector(b"", 0, None, bound.initial(0))
    count = min(len(bound.samples), DEVICES[bound.device.type])
    jobs = [Train(leaf, device, model, steps, 0) for device in range(count)]
    chunks = [jobs[first : first + rows] for first in range(0, count, rows)]
    _seconds(trainer, bound, chunks[:1])
    return count * steps / statistics.median(_seconds(trainer, bound, chunks) for _ in range(REPEATS))


def _seconds(trainer: Trainer, bound: BoundTask, chunks: Sequence[Sequence[Train]]) -> float:
    import torch

    from learning.engine.fused_trainer import allocate_aligned

    start = bound.initial(0)
    work = allocate_aligned(len(chunks[0]), (bound.dim,), start)
    started = time.perf_counter()
    for chunk in chunks:
        work[: len(chunk)].copy_(start.expand(len(chunk), -1))
        trainer.train(work[: len(chunk)], chunk, False)
    if bound.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
