"""The training loss, in the precision of the matrix products."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from learning.tasks.task import BoundTask

Loss = Callable[[Mapping[str, Tensor], Tensor, Tensor], Tensor]


def training_loss(task: BoundTask) -> Loss:
    """Return `task.loss`; for bf16, with matrix products and convolutions in bfloat16 (torch.autocast).

    Weights, gradients and the sums of SGD stay float32, so small steps are not rounded off.
    """
    return with_bfloat16(task.device, task.loss) if task.uses_bfloat16 else task.loss


def with_bfloat16(device: torch.device, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `loss` under autocast to bfloat16."""

    def half(*arguments: object) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return loss(*arguments)

    return half
