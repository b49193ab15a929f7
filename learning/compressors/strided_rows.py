"""Rows of a tensor as compiled kernels see them: the memory itself, gaps between the rows included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def in_memory(rows: Tensor) -> tuple[Tensor, NDArray[np.float32]]:
    """Rows [K, d] of float32 on a CPU, and the array [K, d or more] they lie in, whose first d columns they are.

    A copy is made only where they do not lie row after row.
    """
    rows = rows.detach()
    count, dim = rows.shape
    stride = rows.stride(0) if count > 1 else dim
    room = rows.untyped_storage().nbytes() // rows.element_size() - rows.storage_offset()
    if rows.stride(1) != 1 or stride < dim or stride * count > room:
        rows, stride = rows.contiguous(), dim
    return rows, rows.as_strided((count, stride), (stride, 1)).numpy()
