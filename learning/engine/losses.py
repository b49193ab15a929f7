"""The loss whose gradient local work follows, in the precision that its matrices are multiplied in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from learning.tasks.task import BoundTask

Loss = Callable[[Mapping[str, Tensor], Tensor, Tensor], Tensor]


def loss_of(task: BoundTask) -> Loss:
    """`task.loss`; if the task is `half`, with matrix products and convolutions in bfloat16 and all else as it is.

    Weights, their gradients and SGD's sums stay float32 (torch.autocast), so small steps are not lost.
    """
    return halved(task.device, task.loss) if task.half else task.loss


def halved(device: torch.device, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`loss` under autocast to bfloat16."""

    def half(*arguments: object) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return loss(*arguments)

    return half
