"""Numerics: what determines the last bits of a result besides its operations (engine, device, precision, strategy)."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import torch

EngineKind = Literal["timing", "eager", "batched"]
DeviceKind = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "float64", "tf32", "bf16"]

NUMERICS_VERSION = 2
"""Increased with every change that alters the last bits of any result."""

CPU_BYTES, CUDA_BYTES = 24 * 2**20, 2**30
CPU_ROWS, CUDA_ROWS = 32, 1024

STRATEGIES = ("fused", "im2col", "loop", "vmap")
"""Names that a user may give; vmap may include its stack size, as in vmap:16."""


class StrategyError(ValueError):
    """A device, precision or strategy is not available here or not for this model; the message names alternatives."""


class TaskTraits(Protocol):
    """The properties of a task that determine its numerics; see `learning.tasks.task.Task`."""

    @property
    def dim(self) -> int:
        """Number of parameters d."""

    @property
    def architecture(self) -> str:
        """linear, small_conv, conv or objective."""

    @property
    def devices(self) -> int:
        """Number of devices."""


@dataclass(frozen=True)
class Numerics:
    """Everything besides the operations that determines the last bits of a result."""

    engine: EngineKind
    device: str
    precision: Precision
    strategy: str

    @property
    def tag(self) -> str:
        """The part of a run's digest that identifies its numerics; "timing" for the timing engine."""
        if self.engine == "timing":
            return "timing"
        return f"{self.device}/{self.precision}/{self.strategy}/{NUMERICS_VERSION}"

    @property
    def stack(self) -> int | None:
        """Rows of every stack where results depend on it, as under vmap; None elsewhere."""
        name, _, rows = self.strategy.partition(":")
        return int(rows) if name == "vmap" else None


def resolve_numerics(
    engine: EngineKind,
    device: DeviceKind,
    precision: Precision,
    task: TaskTraits,
    strategy: str | None = None,
    memory_bytes: int | None = None,
) -> Numerics:
    """Return the numerics of a run, with `auto` and the default strategy replaced by concrete values.

    `strategy` None selects a fixed function of model family and device class. `memory_bytes` bounds vmap's stack, which
    is part of the strategy's name. Raises StrategyError where CUDA is requested and absent, or where the precision or
    strategy does not exist on the device.
    """
    if engine == "timing":
        return Numerics(engine, "none", precision, "none")
    device_name = _device(device)
    if precision == "tf32" and device_name != "cuda":
        raise StrategyError("precision tf32 exists on CUDA devices only; use float32 or bf16 here")
    if engine == "eager":
        return Numerics(engine, device_name, precision, "reference")
    name = strategy or default_strategy(task.architecture, device_name, precision)
    return with_strategy(Numerics(engine, device_name, precision, name), name, task, memory_bytes)


def with_strategy(
    numerics: Numerics, strategy: str, task: TaskTraits, memory_bytes: int | None = None
) -> Numerics:
    """Return the numerics with another strategy, vmap with its stack size. Raises StrategyError for unknown names."""
    if strategy == "vmap":
        strategy = f"vmap:{min(task.devices, stack_rows(task.dim, numerics, memory_bytes))}"
    if strategy not in STRATEGIES and not re.fullmatch(r"vmap:[1-9]\d{0,5}", strategy):
        raise StrategyError(
            f"strategy must be {', '.join(STRATEGIES)} or vmap:ROWS such as vmap:16, got {strategy!r}; leave it out "
            "for the one that fits the model"
        )
    if numerics.precision == "bf16" and strategy in ("fused", "im2col"):
        raise StrategyError(
            f"strategy {strategy} does not support bf16; use loop or vmap, or another precision"
        )
    return replace(numerics, strategy=strategy)


def default_strategy(architecture: str, device: str, precision: Precision = "float32") -> str:
    """Return the strategy for a model family on a device class; fixed, since strategies differ in the last bits.

    Linear layers use hand-batched products everywhere. All other models are trained device by device on a CPU, where
    that is fastest and results cannot depend on the stack (few channels by copied patches and matrix products, many
    channels by oneDNN), and through vmap on a GPU. The hand-written products do not support bf16.
    """
    if architecture == "linear" and precision != "bf16":
        return "fused"
    if architecture == "small_conv" and device == "cpu" and precision != "bf16":
        return "im2col"
    return "loop" if device == "cpu" else "vmap"


def stack_rows(dim: int, numerics: Numerics, memory_bytes: int | None = None) -> int:
    """Return the devices per stack, at least 1: weights, gradients and two temporaries of each must fit the budget."""
    cuda = numerics.device == "cuda"
    budget = memory_bytes if memory_bytes is not None else (CUDA_BYTES if cuda else CPU_BYTES)
    limit = CUDA_ROWS if cuda else CPU_ROWS
    return max(1, min(limit, budget // row_bytes(dim, numerics.precision)))


def row_bytes(dim: int, precision: Precision) -> int:
    """Return the bytes of one device in a stack: weights, gradients and two temporaries of each."""
    return 4 * dim * (8 if precision == "float64" else 4)


def has_cuda() -> bool:
    """Whether torch finds a CUDA device; on Linux without NVIDIA's driver torch is not imported."""
    if sys.platform == "linux" and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return bool(torch.cuda.is_available())


def _device(device: DeviceKind) -> str:
    available = device != "cpu" and has_cuda()
    if device == "cuda" and not available:
        raise StrategyError(
            "device cuda was asked for, but torch sees no CUDA device here; use --device cpu or auto"
        )
    return "cuda" if available else "cpu"


def storage_dtype(numerics: Numerics) -> torch.dtype:
    """Return the type in which weights are stored: tf32 and bf16 affect products only."""
    import torch

    return torch.float64 if numerics.precision == "float64" else torch.float32
