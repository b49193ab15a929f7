"""Construction of the solver of a run: its device, its trainer and the size of its stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.engine.numerics import Numerics, stack_rows, storage_dtype
from learning.engine.solver import Solver

if TYPE_CHECKING:
    from learning.engine.trainers import Trainer
    from learning.tasks.task import BoundTask, Task


def make_solver(numerics: Numerics, task: Task, seed: int, memory_bytes: int | None = None) -> Solver | None:
    """Return the solver of a run, or None for timing only. `memory_bytes` bounds a stack's workspace, never a result.

    Raises StrategyError where the strategy cannot train the model.
    """
    if numerics.engine == "timing":
        return None
    from learning.engine.batched_solver import BatchedSolver
    from learning.engine.eager_solver import EagerSolver

    bound = bind_task(numerics, task)
    trainer = make_trainer(numerics, bound, seed)
    if numerics.engine == "eager":
        return EagerSolver(bound, trainer, seed)
    rows = numerics.stack or stack_rows(task.dim, numerics, memory_bytes)
    return BatchedSolver(bound, trainer, seed, rows)


def bind_task(numerics: Numerics, task: Task) -> BoundTask:
    """Return the task on the device, in the storage type of its precision.

    Also sets the precision of this process's matrix products and, on a CPU, the number of threads to 1.
    """
    import torch

    if numerics.device == "cpu":
        torch.set_num_threads(1)
    else:
        _set_matmul_precision("tf32" if numerics.precision == "tf32" else "ieee")
    bound = task.bind(torch.device(numerics.device), storage_dtype(numerics))
    bound.uses_bfloat16 = numerics.precision == "bf16"
    return bound


def make_trainer(numerics: Numerics, bound: BoundTask, seed: int) -> Trainer:
    """Return the trainer of the numerics' strategy. Raises StrategyError where it cannot train the model."""
    from learning.engine.trainers import TRAINERS
    from learning.engine.vmap_trainer import VmapTrainer

    if numerics.stack is not None:
        return VmapTrainer(bound, seed, numerics.stack)
    return TRAINERS[numerics.strategy](bound, seed)


def _set_matmul_precision(precision: str) -> None:
    """Set how float32 matrices are multiplied on CUDA; the default of PyTorch is tf32 for convolutions."""
    import torch

    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]
