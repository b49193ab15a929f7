"""Which solver keeps the promises, on which device, in stacks of which size."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from learning.engine.engine import Solver

if TYPE_CHECKING:
    from learning.tasks import Task

EngineKind = Literal["timing", "eager", "batched"]
DeviceKind = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "float64"]

NUMERICS_VERSION = 2
"""Raised whenever a change moves the last bits of any result."""

CPU_BYTES, CUDA_BYTES = 16 * 2**20, 2**30
CPU_ROWS, CUDA_ROWS = 32, 1024


@dataclass(frozen=True)
class Numerics:
    """Everything besides the operations that decides the last bits of a result."""

    engine: EngineKind
    device: str
    precision: Precision
    strategy: str

    @property
    def tag(self) -> str:
        """The part of a run's digest that names its numerics; the timing engine has none."""
        if self.engine == "timing":
            return "timing"
        return f"{self.device}/{self.precision}/{self.strategy}/{NUMERICS_VERSION}"


def resolve(engine: EngineKind, device: DeviceKind, precision: Precision, family: str) -> Numerics:
    """Settle `auto` and the training strategy, a fixed function of model family and device class.

    Raises ValueError where CUDA is asked for and absent.
    """
    if engine == "timing":
        return Numerics(engine, "none", precision, "none")
    found = device != "cpu" and cuda_found()
    if device == "cuda" and not found:
        raise ValueError(
            "device cuda was asked for, but torch sees no CUDA device here; use --device cpu or auto"
        )
    chosen = "cuda" if found and device != "cpu" else "cpu"
    strategy = "reference" if engine == "eager" else strategy_for(family, chosen)
    return Numerics(engine, chosen, precision, strategy)


def cuda_found() -> bool:
    """Whether torch sees a CUDA device; on Linux without NVIDIA's driver the answer needs no torch."""
    if sys.platform == "linux" and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return bool(torch.cuda.is_available())


def strategy_for(family: str, device: str) -> str:
    """How a model family is trained on a device class; fixed, since strategies differ in the last bits.

    Linear layers go through hand-batched products everywhere. All else goes device by device on a CPU,
    where that is fastest and results cannot depend on the stack (few channels by copied patches and
    matrix products, many by oneDNN), and through vmap on a GPU.
    """
    if family == "linear":
        return "fused"
    if family == "small_conv" and device == "cpu":
        return "im2col"
    return "loop" if device == "cpu" else "vmap"


def make_solver(numerics: Numerics, task: Task, seed: int, memory_bytes: int | None = None) -> Solver | None:
    """The solver for a run, or None for timing only. `memory_bytes` bounds a stack's workspace, never a result."""
    if numerics.engine == "timing":
        return None
    import torch

    from learning.engine.batched import BatchedSolver
    from learning.engine.eager import EagerSolver
    from learning.engine.trainers import STRATEGIES

    if numerics.device == "cpu":
        torch.set_num_threads(1)
    bound = task.bind(torch.device(numerics.device), getattr(torch, numerics.precision))
    trainer = STRATEGIES[numerics.strategy](bound, seed)
    if numerics.engine == "eager":
        return EagerSolver(bound, trainer, seed)
    return BatchedSolver(bound, trainer, seed, stack_rows(task.dim, numerics, memory_bytes))


def stack_rows(dim: int, numerics: Numerics, memory_bytes: int | None = None) -> int:
    """Devices per stack: weights, gradients and two temporaries of each must fit the budget; at least 1."""
    cuda = numerics.device == "cuda"
    budget = memory_bytes if memory_bytes is not None else (CUDA_BYTES if cuda else CPU_BYTES)
    most = CUDA_ROWS if cuda else CPU_ROWS
    row = 4 * dim * (8 if numerics.precision == "float64" else 4)
    return max(1, min(most, budget // row))
