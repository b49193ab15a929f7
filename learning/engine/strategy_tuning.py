"""Which strategy is fastest here: a few local steps by each that can train the model. Never asked unless told to."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learning.engine.numerics import STRATEGIES, Numerics, StrategyError, pinned, stack_rows
from learning.engine.promises import Ref, Train
from learning.engine.solver_factory import bind, make_trainer

if TYPE_CHECKING:
    from learning.algorithms.algorithm import Leaf
    from learning.engine.trainers import Trainer
    from learning.tasks.task import BoundTask, Task

REPEATS, STEPS = 3, 4
STACKS = {"cpu": (2, 8, 32), "cuda": (128, 512, 1024)}
"""Sizes of vmap's stacks that are tried."""
DEVICES = {"cpu": 32, "cuda": 1024}
"""Devices that train in a measurement, at most as many as there are."""


@dataclass(frozen=True)
class Trial:
    """What a strategy did on this machine, right now."""

    strategy: str
    steps_per_s: float


def tuned(
    numerics: Numerics, task: Task, leaf: Leaf, steps: int, memory_bytes: int | None = None
) -> list[Trial]:
    """Every strategy that can train `task`, the fastest first: medians of host time per device and local step.

    `numerics` says on which device and in which precision, `steps` how many local steps a device makes in a row
    (STEPS of them are tried). Here a machine's mood decides numbers, so whoever pins the first puts it in the digest.
    """
    trials = {}
    for name in _names(numerics, task, memory_bytes):
        bound = bind(numerics, task)
        try:
            chosen = pinned(numerics, name, task, memory_bytes)
            trainer = make_trainer(chosen, bound, seed=0)
        except StrategyError:
            continue
        rows = chosen.stack or stack_rows(task.dim, chosen, memory_bytes)
        trials[chosen.strategy] = _steps_per_s(trainer, bound, leaf, rows, min(steps, STEPS))
    return [Trial(name, pace) for name, pace in sorted(trials.items(), key=lambda entry: -entry[1])]


def _names(numerics: Numerics, task: Task, memory_bytes: int | None) -> list[str]:
    most = min(task.devices, stack_rows(task.dim, numerics, memory_bytes))
    stacks = sorted({min(rows, most) for rows in STACKS[numerics.device]})
    return [name for name in STRATEGIES if name != "vmap"] + [f"vmap:{rows}" for rows in stacks]


def _steps_per_s(trainer: Trainer, bound: BoundTask, leaf: Leaf, rows: int, steps: int) -> float:
    model = Ref(b"", 0, None, bound.initial(0))
    count = min(len(bound.samples), DEVICES[bound.device.type])
    jobs = [Train(leaf, device, model, steps, 0) for device in range(count)]
    chunks = [jobs[first : first + rows] for first in range(0, count, rows)]
    _seconds(trainer, bound, chunks[:1])
    return count * steps / statistics.median(_seconds(trainer, bound, chunks) for _ in range(REPEATS))


def _seconds(trainer: Trainer, bound: BoundTask, chunks: Sequence[Sequence[Train]]) -> float:
    import torch

    from learning.engine.fused_trainer import aligned

    start = bound.initial(0)
    work = aligned(len(chunks[0]), (bound.dim,), start)
    begun = time.perf_counter()
    for chunk in chunks:
        work[: len(chunk)].copy_(start.expand(len(chunk), -1))
        trainer.train(work[: len(chunk)], chunk, False)
    if bound.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begun
