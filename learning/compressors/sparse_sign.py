"""One bit for each of the few largest coordinates, and the positions of these coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.packing import BitReader, to_bytes
from learning.compressors.sign import random_zero_signs
from learning.compressors.sparsify import check_count, kept_count, largest_mask
from learning.compressors.subset_code import decode_subset, encode_subset, subset_bits
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SparseSign:
    """Send the signs of the k coordinates of largest magnitude, of equal ones those of lowest index; 0 elsewhere.

    Give exactly one of `fraction` (of d, in (0, 1], rounded to the nearest k >= 1) and `k`. The positions are coded by
    their rank among all C(d, k) subsets, the shortest code of fixed length. A selected zero gets the random sign of
    `sign`, so that fraction 1 equals `sign`. A nan counts as largest, stays nan, and has no code. Source: S3GD-MV,
    arXiv:2302.07475.
    """

    citations: ClassVar[Mapping[str, str]] = {"park2023sparse": ""}

    fraction: float | None = None
    k: int | None = None

    def __post_init__(self) -> None:
        check_count(self.fraction, self.k)

    @property
    def lossless(self) -> bool:
        """False: magnitudes are lost."""
        return False

    @property
    def sends_all(self) -> bool:
        """Whether every coordinate is sent, for any number of coordinates."""
        return self.fraction == 1

    def bits(self, dim: int) -> int:
        """Return ceil(log2 C(dim, k)) + k."""
        count = kept_count(dim, self.fraction, self.k)
        return subset_bits(dim, count) + count

    def omega(self, dim: int) -> float | None:
        """Return None: biased."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return None: an unscaled sign is no contraction."""
        return None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return +1 and -1 where rows [K, d] are largest, zeros among them by draw 0 of the rng; elsewhere 0."""
        not_sent = ~largest_mask(rows, kept_count(rows.shape[1], self.fraction, self.k))
        return Encoded(random_zero_signs(rows, rng).masked_fill(not_sent, 0.0), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the positions, then a bit per selected coordinate, set for +1. Raises ValueError for a nan."""
        import torch

        copy = row.detach().cpu().to(torch.float32, copy=True)
        signs = self.encode(copy[None], KeyedRandom(np.array([key], dtype=np.uint64))).values[0].numpy()
        if np.isnan(signs).any():
            location = f"coordinate {int(np.isnan(signs).argmax())}"
            raise ValueError(f"a sign must be of a number, got nan at {location}; lower the learning rate")
        positions = np.flatnonzero(signs)
        return to_bytes(encode_subset(positions, len(signs)), (signs[positions] > 0).astype(np.uint8))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return +1.0, -1.0 and, where nothing was sent, 0.0."""
        import torch

        count, out, reader = kept_count(dim, self.fraction, self.k), torch.zeros(dim), BitReader.of(data)
        positions = torch.from_numpy(decode_subset(reader, dim, count))
        out[positions] = torch.from_numpy(reader.take(count).astype(np.float32) * 2 - 1)
        return out
