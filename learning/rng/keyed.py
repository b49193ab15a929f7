"""Keyed randomness: a draw depends on node, purpose and iteration, never on the order of calls."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from learning.rng import philox

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Stream = Literal[
    "data", "init", "minibatch", "compressor", "rule", "selection", "channel", "compute", "faults"
]
STREAMS: frozenset[str] = frozenset(get_args(Stream))


def row_key(seed: int, stream: str, *path: int) -> int:
    """Return the 64-bit key (0 <= key < 2**64) of one row of draws: blake2b of seed, stream and path.

    The path identifies the node and the iteration; two different paths share a key only by chance. Raises ValueError
    for an unknown stream, or a number outside 64 signed bits.
    """
    if stream not in STREAMS:
        raise ValueError(f"stream must be one of {', '.join(sorted(STREAMS))}, got {stream!r}")
    try:
        packed = struct.pack(f"<{len(path) + 1}q", seed, *path)
    except struct.error as error:
        got = f"got {(seed, *path)} in stream {stream!r}"
        raise ValueError(
            f"seed and path must be integers of 64 signed bits, {got}; use smaller numbers"
        ) from error
    return int.from_bytes(blake2b(packed, digest_size=8, person=stream.encode()).digest(), "little")


def words(keys: NDArray[np.uint64], count: int, draw: int = 0) -> NDArray[np.uint32]:
    """Return [K, count] uniform 32-bit words of Philox4x32-10, a function of (key, draw, coordinate, count).

    The low half of a key is word 0 of Philox's key; the counter is (block, draw, 0, 0). With Q = ceil(count / 4)
    blocks, the word of coordinate l * Q + b is lane l of block b. `draw` (0 ... 2**32 - 1) distinguishes several draws
    under one key. The bits are the same with and without numba.
    """
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    if not philox.has_numba():
        return philox.numpy_words(keys, count, draw)
    from learning.rng.philox_numba import fill

    out = np.empty((len(keys), count), dtype=np.uint32)
    fill(keys, np.uint32(draw), out)
    return out


def uniforms(keys: NDArray[np.uint64], count: int, draw: int = 0) -> NDArray[np.float64]:
    """Return [K, count] float64 uniforms in the open interval (0, 1): (word + 0.5) * 2**-32."""
    return (words(keys, count, draw).astype(np.float64) + 0.5) * 2.0**-32


@dataclass(frozen=True, eq=False)
class KeyedRandom:
    """The random numbers of a stack of rows: one 64-bit key per row, on which alone the row's draws depend."""

    keys: NDArray[np.uint64]

    def words(self, count: int, like: Tensor, draw: int = 0) -> Tensor:
        """Return the words of `learning.rng.keyed.words` as int64 [K, count] on like.device."""
        import torch

        if like.device.type != "cpu":
            return philox.torch_words(self.keys, count, draw, like.device)
        return torch.from_numpy(words(self.keys, count, draw).astype(np.int64))

    def uniforms(self, count: int, like: Tensor, draw: int = 0) -> Tensor:
        """Return [K, count] uniforms in [0, 1), (word >> 8) * 2**-24, of like's dtype on its device."""
        return (self.words(count, like, draw) >> 8).to(like.dtype) * 2.0**-24

    def signs(self, count: int, like: Tensor, draw: int = 0) -> Tensor:
        """Return [K, count] fair signs, -1 or +1, of like's dtype on its device.

        With W = ceil(count / 32), the sign of coordinate b * W + w is +1 where bit b of word w is set.
        """
        import torch

        packed = self.words(-(-count // 32), like, draw)
        bits = torch.arange(32, dtype=torch.int64, device=like.device)[None, :, None]
        flips = ((packed[:, None, :] >> bits) & 1).flatten(1)[:, :count]
        return flips.to(like.dtype).mul_(2).sub_(1)
