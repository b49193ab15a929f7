"""The solver that keeps a run's promises, on its device, in stacks of its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.engine.numerics import Numerics, stack_rows
from learning.engine.solver import Solver

if TYPE_CHECKING:
    import torch

    from learning.engine.trainers import Trainer
    from learning.tasks.task import BoundTask, Task


def make_solver(numerics: Numerics, task: Task, seed: int, memory_bytes: int | None = None) -> Solver | None:
    """The solver for a run, or None for timing only. `memory_bytes` bounds a stack's workspace, never a result.

    Raises StrategyError where the strategy cannot train the model.
    """
    if numerics.engine == "timing":
        return None
    from learning.engine.batched_solver import BatchedSolver
    from learning.engine.eager_solver import EagerSolver

    bound = bind(numerics, task)
    trainer = make_trainer(numerics, bound, seed)
    if numerics.engine == "eager":
        return EagerSolver(bound, trainer, seed)
    rows = numerics.stack or stack_rows(task.dim, numerics, memory_bytes)
    return BatchedSolver(bound, trainer, seed, rows)


def bind(numerics: Numerics, task: Task) -> BoundTask:
    """The task on the device in the storage type of its precision; matrix products of the process follow it too."""
    import torch

    if numerics.device == "cpu":
        torch.set_num_threads(1)
    else:
        _set_products("tf32" if numerics.precision == "tf32" else "ieee")
    bound = task.bind(torch.device(numerics.device), storage(numerics))
    bound.half = numerics.precision == "bf16"
    return bound


def storage(numerics: Numerics) -> torch.dtype:
    """The type in which weights are kept: tf32 and bf16 are ways to multiply, not to keep."""
    import torch

    return torch.float64 if numerics.precision == "float64" else torch.float32


def make_trainer(numerics: Numerics, bound: BoundTask, seed: int) -> Trainer:
    """The numerics' strategy. Raises StrategyError where it cannot train the model."""
    from learning.engine.trainers import TRAINERS
    from learning.engine.vmap_trainer import Vmapped

    if numerics.stack is not None:
        return Vmapped(bound, seed, numerics.stack)
    return TRAINERS[numerics.strategy](bound, seed)


def _set_products(how: str) -> None:
    """How float32 matrices are multiplied on CUDA; torch's own default is tf32 for convolutions."""
    import torch

    torch.backends.cuda.matmul.fp32_precision = how
    torch.backends.cudnn.conv.fp32_precision = how  # type: ignore[attr-defined]
