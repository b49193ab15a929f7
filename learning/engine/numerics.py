"""What decides the last bits of a result besides its operations: engine, device class, precision, strategy."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

EngineKind = Literal["timing", "eager", "batched"]
DeviceKind = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "float64", "tf32", "bf16"]

NUMERICS_VERSION = 2
"""Raised whenever a change moves the last bits of any result."""

CPU_BYTES, CUDA_BYTES = 24 * 2**20, 2**30
CPU_ROWS, CUDA_ROWS = 32, 1024

STRATEGIES = ("fused", "im2col", "loop", "vmap")
"""Names a user may give; vmap may carry its stack size, as in vmap:16."""


class StrategyError(ValueError):
    """A device, precision or strategy that is not to be had here, or not for this model; says what is."""


class Learned(Protocol):
    """What a task says of itself before it is bound (`learning.tasks.task.Task`)."""

    @property
    def dim(self) -> int:
        """Number of parameters d."""

    @property
    def family(self) -> str:
        """linear, small_conv, conv or objective."""

    @property
    def devices(self) -> int:
        """Number of devices."""


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

    @property
    def stack(self) -> int | None:
        """Rows of every stack where results depend on it, as they do under vmap; None elsewhere."""
        name, _, rows = self.strategy.partition(":")
        return int(rows) if name == "vmap" else None


def resolve(
    engine: EngineKind,
    device: DeviceKind,
    precision: Precision,
    task: Learned,
    strategy: str | None = None,
    memory_bytes: int | None = None,
) -> Numerics:
    """Settle `auto` and the training strategy: the given one, or a fixed function of model family and device class.

    `memory_bytes` bounds vmap's stack, which is part of the strategy's name, and nothing else here. Raises
    StrategyError where CUDA is asked for and absent, or the precision or strategy is none of this device.
    """
    if engine == "timing":
        return Numerics(engine, "none", precision, "none")
    chosen = _device(device)
    if precision == "tf32" and chosen != "cuda":
        raise StrategyError("precision tf32 exists on CUDA devices alone; use float32, or bf16, here")
    if engine == "eager":
        return Numerics(engine, chosen, precision, "reference")
    name = strategy or strategy_for(task.family, chosen, precision)
    return pinned(Numerics(engine, chosen, precision, name), name, task, memory_bytes)


def pinned(numerics: Numerics, strategy: str, task: Learned, memory_bytes: int | None = None) -> Numerics:
    """The same numerics by another strategy, vmap with its stack size. Raises StrategyError for unknown names."""
    if strategy == "vmap":
        strategy = f"vmap:{min(task.devices, stack_rows(task.dim, numerics, memory_bytes))}"
    if strategy not in STRATEGIES and not re.fullmatch(r"vmap:[1-9]\d{0,5}", strategy):
        raise StrategyError(
            f"strategy must be {', '.join(STRATEGIES)} or vmap:ROWS such as vmap:16, got {strategy!r}; leave it out "
            "for the one that fits the model"
        )
    if numerics.precision == "bf16" and strategy in ("fused", "im2col"):
        raise StrategyError(f"strategy {strategy} knows no bf16; use loop or vmap, or another precision")
    return replace(numerics, strategy=strategy)


def strategy_for(family: str, device: str, precision: Precision = "float32") -> str:
    """How a model family is trained on a device class; fixed, since strategies differ in the last bits.

    Linear layers go through hand-batched products everywhere. All else goes device by device on a CPU,
    where that is fastest and results cannot depend on the stack (few channels by copied patches and
    matrix products, many by oneDNN), and through vmap on a GPU. Hand-written products know no bf16.
    """
    if family == "linear" and precision != "bf16":
        return "fused"
    if family == "small_conv" and device == "cpu" and precision != "bf16":
        return "im2col"
    return "loop" if device == "cpu" else "vmap"


def stack_rows(dim: int, numerics: Numerics, memory_bytes: int | None = None) -> int:
    """Devices per stack: weights, gradients and two temporaries of each must fit the budget; at least 1."""
    cuda = numerics.device == "cuda"
    budget = memory_bytes if memory_bytes is not None else (CUDA_BYTES if cuda else CPU_BYTES)
    most = CUDA_ROWS if cuda else CPU_ROWS
    return max(1, min(most, budget // row_bytes(dim, numerics.precision)))


def row_bytes(dim: int, precision: Precision) -> int:
    """Bytes of a device in a stack: weights, gradients and two temporaries of each."""
    return 4 * dim * (8 if precision == "float64" else 4)


def cuda_found() -> bool:
    """Whether torch sees a CUDA device; on Linux without NVIDIA's driver the answer needs no torch."""
    if sys.platform == "linux" and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return bool(torch.cuda.is_available())


def _device(device: DeviceKind) -> str:
    found = device != "cpu" and cuda_found()
    if device == "cuda" and not found:
        raise StrategyError(
            "device cuda was asked for, but torch sees no CUDA device here; use --device cpu or auto"
        )
    return "cuda" if found else "cpu"
