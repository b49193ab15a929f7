"""Signs and their sums: one bit per coordinate on its way up, whole numbers of votes where they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning import philox
from learning.strided import in_memory

if TYPE_CHECKING:
    from torch import Tensor

    from learning.coins import Coins


def tossed_signs(rows: Tensor, coins: Coins) -> Tensor:
    """Return the signs of rows [K, d] as +1 and -1, zeros by the coins of draw 0; nan stays nan.

    May overwrite the rows.
    """
    import torch

    if _fast(rows):
        from learning.signs_numba import sign_rows

        rows, memory = in_memory(rows)
        sign_rows(memory, rows.shape[1], coins.keys)
        return rows
    signs = torch.where(rows == 0, coins.signs(rows.shape[1], rows), rows.sign())
    return torch.where(rows.isnan(), rows, signs)  # torch's sign of nan is 0


def add_votes(counts: Tensor, rows: Tensor) -> None:
    """Add rows [K, d] of +-1 to counts [d]: whole numbers, hence the same bits in any order; nan stays nan."""
    if _fast(rows):
        from learning.signs_numba import add_rows

        add_rows(in_memory(rows)[1], counts.numpy())
    else:
        counts.add_(rows.sum(0))


def _fast(rows: Tensor) -> bool:
    import torch

    return rows.device.type == "cpu" and rows.dtype == torch.float32 and philox.has_numba()
