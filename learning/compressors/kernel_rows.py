"""Access of compiled kernels to the rows of a tensor, including rows with gaps between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.rng import philox

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def has_kernels(rows: Tensor) -> bool:
    """Whether the compiled kernels apply: float32 rows on a CPU, with numba installed."""
    import torch

    return rows.device.type == "cpu" and rows.dtype == torch.float32 and philox.has_numba()


def as_kernel_rows(rows: Tensor) -> tuple[Tensor, NDArray[np.float32]]:
    """Return rows [K, d] of float32 on a CPU, and the array [K, d or more] whose first d columns they are.

    The array shares the memory of the rows. They are copied only if they are not stored row by row.
    """
    rows = rows.detach()
    count, dim = rows.shape
    stride = rows.stride(0) if count > 1 else dim
    available = rows.untyped_storage().nbytes() // rows.element_size() - rows.storage_offset()
    if rows.stride(1) != 1 or stride < dim or stride * count > available:
        rows, stride = rows.contiguous(), dim
    return rows, rows.as_strided((count, stride), (stride, 1)).numpy()
