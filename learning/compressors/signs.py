"""Signs of rows: one bit per coordinate, with keyed random signs where a coordinate is zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.compressors.strided_rows import in_memory
from learning.rng import philox

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


def tossed_signs(rows: Tensor, rng: KeyedRandom) -> Tensor:
    """Return the signs of rows [K, d] as +1 and -1, zeros by the coins of draw 0; nan stays nan.

    May overwrite the rows.
    """
    import torch

    if has_kernel(rows):
        from learning.compressors.sign_kernels import sign_rows

        rows, memory = in_memory(rows)
        sign_rows(memory, rows.shape[1], rng.keys)
        return rows
    signs = torch.where(rows == 0, rng.signs(rows.shape[1], rows), rows.sign())
    return torch.where(rows.isnan(), rows, signs)  # torch's sign of nan is 0


def has_kernel(rows: Tensor) -> bool:
    """Whether the compiled kernels apply: float32 rows on a CPU, and numba is installed."""
    import torch

    return rows.device.type == "cpu" and rows.dtype == torch.float32 and philox.has_numba()
