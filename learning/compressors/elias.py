"""Elias omega coding of QSGD levels: short codes for small numbers, sparse or dense, whichever is shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.packing import code_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

GROUPS = 6  # an omega code of a number below 2**63 has at most 5 groups and a final zero


def encode_levels(signed: NDArray[np.int64]) -> tuple[bool, NDArray[np.uint8]]:
    """Return (dense?, bits) of signed levels [d], sparse on a tie. Source: QSGD, arXiv:1610.02132, 3.2.

    Sparse: E(nonzeros + 1), then for each nonzero E(gap to the last one), its sign, E(level). Dense: for each
    coordinate E(level + 1), and its sign unless the level is zero. E is Elias omega.
    """
    sparse, dense = _sparse(signed), _dense(signed)
    shorter = dense if dense[1].sum() < sparse[1].sum() else sparse
    return shorter is dense, code_bits(*shorter)


def decode_levels(bits: NDArray[np.uint8], dim: int, dense: bool) -> NDArray[np.int64]:
    """Return the signed levels [dim] that `encode_levels` coded. Raises ValueError if the message is truncated."""
    text = (bits + ord("0")).tobytes().decode("ascii")
    out = np.zeros(dim, dtype=np.int64)
    try:
        _read_dense(text, out) if dense else _read_sparse(text, out)
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"message of {dim} levels must be whole, got {len(text)} bits; send it all"
        ) from error
    return out


def omega_code(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (value, width) of the Elias omega codes of numbers >= 1."""
    value, width, rest = np.zeros_like(numbers), np.ones_like(numbers), numbers.copy()
    while (rest > 1).any():
        size = np.where(rest > 1, np.frexp(rest.astype(np.float64))[1], 0).astype(np.int64)
        value += np.where(rest > 1, rest << width, 0)
        width += size
        rest = np.maximum(size - 1, 1)
    return value, width


def torch_coded_bits(levels: Tensor) -> Tensor:
    """Return int64 [K]: the bits of levels [K, d] (>= 0) in the shorter code, without the flag."""
    import torch

    row, column = levels.nonzero(as_tuple=True)
    level = levels[row, column]
    last = torch.cat([column.new_full((1,), -1), column[:-1]])
    new_row = torch.cat([row.new_ones(1, dtype=torch.bool), row[1:] != row[:-1]])[: len(row)]
    gap = column - torch.where(new_row, column.new_full((), -1), last[: len(row)])
    zero = levels.new_zeros(len(levels))
    sparse = zero.index_add(0, row, _omega_length(gap) + 1 + _omega_length(level))
    dense = zero.index_add(0, row, _omega_length(level + 1)) + levels.shape[1]
    return torch.minimum(sparse + _omega_length((levels > 0).sum(1) + 1), dense)


def _omega_length(numbers: Tensor) -> Tensor:
    import torch

    length, rest = torch.ones_like(numbers), numbers
    for _ in range(GROUPS):
        size = torch.where(rest > 1, torch.frexp(rest.double())[1].to(torch.int64), 0)
        length = length + size
        rest = size - 1
    return length


def _dense(signed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    value, width = omega_code(np.abs(signed) + 1)
    coded = (signed != 0).astype(np.int64)
    return (value << coded) | (signed < 0), width + coded


def _sparse(signed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = np.flatnonzero(signed)
    gap, gap_width = omega_code(np.diff(at, prepend=-1))
    level, level_width = omega_code(np.abs(signed[at]))
    count, count_width = omega_code(np.array([len(at) + 1]))
    signed_gap = (gap << 1) | (signed[at] < 0)
    values = np.stack([signed_gap, level], axis=1).ravel()
    widths = np.stack([gap_width + 1, level_width], axis=1).ravel()
    return np.concatenate([count, values]), np.concatenate([count_width, widths])


def _read(text: str, at: int) -> tuple[int, int]:
    number = 1
    while text[at] == "1":
        number, at = int(text[at : at + number + 1], 2), at + number + 1
    return number, at + 1


def _read_dense(text: str, out: NDArray[np.int64]) -> None:
    at = 0
    for i in range(len(out)):
        number, at = _read(text, at)
        if number > 1:
            out[i] = 1 - number if text[at] == "1" else number - 1
            at += 1


def _read_sparse(text: str, out: NDArray[np.int64]) -> None:
    count, at = _read(text, 0)
    position = -1
    for _ in range(count - 1):
        gap, at = _read(text, at)
        level, end = _read(text, at + 1)
        position += gap
        out[position] = -level if text[at] == "1" else level
        at = end
