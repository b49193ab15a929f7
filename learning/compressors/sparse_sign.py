"""One bit for each of the few largest coordinates, and which they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.packing import BitReader, to_bytes
from learning.compressors.sign import random_zero_signs
from learning.compressors.sparsify import check_size, kept, largest
from learning.compressors.subset_code import choice_bits, choice_code, read_choice
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SparseSign:
    """Send the signs of the k coordinates of largest magnitude, of equal ones those of lowest index; 0 elsewhere.

    Give exactly one of `fraction` (of d, in (0, 1], rounded to the nearest k >= 1) and `k`. The choice travels as its
    rank among all C(d, k), which no code of fixed length undercuts. A chosen zero gets the coin that `sign` would toss
    for it, so that fraction 1 is `sign`. A nan counts as largest, stays nan, and has no code. Source: S3GD-MV,
    arXiv:2302.07475.
    """

    fraction: float | None = None
    k: int | None = None

    def __post_init__(self) -> None:
        check_size(self.fraction, self.k)

    @property
    def lossless(self) -> bool:
        """False: magnitudes are lost."""
        return False

    @property
    def sends_all(self) -> bool:
        """Whether every coordinate travels, however many there are."""
        return self.fraction == 1

    def bits(self, dim: int) -> int:
        """Return ceil(log2 C(dim, k)) + k."""
        count = kept(dim, self.fraction, self.k)
        return choice_bits(dim, count) + count

    def omega(self, dim: int) -> float | None:
        """Return None: biased."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return None: an unscaled sign is no contraction."""
        return None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return +1 and -1 where rows [K, d] are largest, zeros among them by the coins of draw 0; else 0."""
        left_out = ~largest(rows, kept(rows.shape[1], self.fraction, self.k))
        return Encoded(random_zero_signs(rows, rng).masked_fill(left_out, 0.0), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the choice, then a bit per chosen coordinate, set for +1; raises ValueError for a nan."""
        import torch

        fresh = row.detach().cpu().to(torch.float32, copy=True)
        signs = self.encode(fresh[None], KeyedRandom(np.array([key], dtype=np.uint64))).values[0].numpy()
        if np.isnan(signs).any():
            place = f"coordinate {int(np.isnan(signs).argmax())}"
            raise ValueError(f"a sign must be of a number, got nan at {place}; lower the learning rate")
        at = np.flatnonzero(signs)
        return to_bytes(choice_code(at, len(signs)), (signs[at] > 0).astype(np.uint8))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return +1.0, -1.0 and, where nothing was sent, 0.0."""
        import torch

        count, out, reader = kept(dim, self.fraction, self.k), torch.zeros(dim), BitReader.of(data)
        at = torch.from_numpy(read_choice(reader, dim, count))
        out[at] = torch.from_numpy(reader.take(count).astype(np.float32) * 2 - 1)
        return out
