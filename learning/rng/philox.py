"""Philox4x32-10, the counter-based generator of every keyed draw, in plain array arithmetic."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Return the four 32-bit words of one block; counter and key are arrays of 32-bit values that broadcast.

    The arrays are numpy uint64 or torch int64 (on any device): a product of two 32-bit values modulo 2**64 keeps all
    its bits in both, so both give the same words. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
    SC 2011, with the constants of Random123.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        even = c0 * MULTIPLIERS[0]
        odd = c2 * MULTIPLIERS[1]
        c0, c2 = ((odd >> 32) & MASK) ^ c1 ^ k0, ((even >> 32) & MASK) ^ c3 ^ k1
        c1, c3 = odd & MASK, even & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return c0, c1, c2, c3


def blocks(count: int) -> int:
    """Return the number of Philox blocks for `count` words, four words each."""
    return -(-count // 4)


def numpy_words(keys: NDArray[np.uint64], count: int, draw: int) -> NDArray[np.uint32]:
    """Return [K, count] words computed by numpy; the word of coordinate l * Q + b is lane l of block b."""
    block = np.arange(blocks(count), dtype=np.uint64)[None, :]
    zero = np.zeros((len(keys), 1), dtype=np.uint64)
    key = (keys[:, None] & np.uint64(MASK), keys[:, None] >> np.uint64(32))
    lanes = philox((block + zero, zero + np.uint64(draw), zero, zero), key)
    out: NDArray[np.uint32] = np.concatenate(lanes, axis=1)[:, :count].astype(np.uint32)
    return out


def torch_words(keys: NDArray[np.uint64], count: int, draw: int, device: torch.device) -> Tensor:
    """Return the words of `numpy_words` as an int64 tensor [K, count] computed on `device`."""
    import torch

    block = torch.arange(blocks(count), dtype=torch.int64, device=device)[None, :]
    wide = torch.from_numpy(keys.view(np.int64).copy()).to(device)[:, None]
    zero = torch.zeros_like(wide)
    lanes = philox((block + zero, zero + draw, zero, zero), (wide & MASK, (wide >> 32) & MASK))
    return torch.cat(lanes, dim=1)[:, :count]


@cache
def has_numba() -> bool:
    """Whether numba can be imported; without it the torch or numpy implementations are used, with the same bits."""
    try:
        import_module("numba")
    except ImportError:
        return False
    return True
