"""Signs and their sums: one bit per coordinate on its way up, whole numbers of votes where they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning import philox

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

        rows = rows.detach().contiguous()
        sign_rows(rows.numpy(), coins.keys)
        return rows
    signs = torch.where(rows == 0, coins.signs(rows.shape[1], rows), rows.sign())
    return torch.where(rows.isnan(), rows, signs)  # torch's sign of nan is 0


def add_votes(counts: Tensor, rows: Tensor) -> None:
    """Add rows [K, d] of +-1 to counts [d]: whole numbers, hence the same bits in any order; nan stays nan."""
    if _fast(rows) and rows.is_contiguous():
        from learning.signs_numba import add_rows

        add_rows(rows.detach().numpy(), counts.numpy())
    else:
        counts.add_(rows.sum(0))


def _fast(rows: Tensor) -> bool:
    return rows.device.type == "cpu" and rows.element_size() == 4 and philox.has_numba()
