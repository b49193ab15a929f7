"""Sums of sign votes: whole numbers per coordinate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning.compressors.signs import has_kernel
from learning.compressors.strided_rows import in_memory

if TYPE_CHECKING:
    from torch import Tensor


def add_votes(counts: Tensor, rows: Tensor) -> None:
    """Add rows [K, d] of +-1 to counts [d]: whole numbers, hence the same bits in any order; nan stays nan."""
    if has_kernel(rows):
        from learning.aggregation.vote_kernels import add_rows

        add_rows(in_memory(rows)[1], counts.numpy())
    else:
        counts.add_(rows.sum(0))
