"""One bit per coordinate: its sign, with a fair keyed coin for zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.kernel_rows import as_kernel_rows, has_kernels
from learning.compressors.packing import BitReader, to_bytes
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sign:
    """Send +1 or -1 per coordinate. Source: signSGD, arXiv:1802.04434; HierSignSGD, arXiv:2602.02355.

    An exact zero (of either sign) gets a fair coin keyed by the row: about half of an MNIST model's gradient is exactly
    zero, and a constant +1 would move all of those coordinates in one direction. A nan stays nan in the values, so that
    it remains detectable, and has no code: packing it raises ValueError.
    """

    citations: ClassVar[Mapping[str, str]] = {"bernstein2018signsgd": ""}

    @property
    def lossless(self) -> bool:
        """False: magnitudes are lost."""
        return False

    def bits(self, dim: int) -> int:
        """Return dim."""
        return dim

    def omega(self, dim: int) -> float | None:
        """Return None: biased."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return None: an unscaled sign is no contraction."""
        return None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the signs of rows [K, d] as +1 and -1; zeros get the signs of draw 0 of the rng."""
        return Encoded(random_zero_signs(rows, rng), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return one bit per coordinate, set for +1; raises ValueError for a nan."""
        import torch

        copy = row.detach().cpu().to(torch.float32, copy=True)
        signs = self.encode(copy[None], KeyedRandom(np.array([key], dtype=np.uint64))).values[0]
        not_numbers = signs.isnan().nonzero()
        if len(not_numbers):
            location = f"coordinate {int(not_numbers[0])}"
            raise ValueError(f"a sign must be of a number, got nan at {location}; lower the learning rate")
        return to_bytes((signs > 0).numpy().astype(np.uint8))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return +1.0 where the bit is set and -1.0 elsewhere."""
        import torch

        return torch.from_numpy(BitReader.of(data).take(dim).astype(np.float32) * 2 - 1)


def random_zero_signs(rows: Tensor, rng: KeyedRandom) -> Tensor:
    """Return the signs of rows [K, d] as +1 and -1, of zeros by draw 0 of the rng; nan stays nan.

    May overwrite the rows.
    """
    import torch

    if has_kernels(rows):
        from learning.compressors.sign_kernels import sign_rows

        rows, memory = as_kernel_rows(rows)
        sign_rows(memory, rows.shape[1], rng.keys)
        return rows
    signs = torch.where(rows == 0, rng.signs(rows.shape[1], rows), rows.sign())
    return torch.where(rows.isnan(), rows, signs)  # torch's sign of nan is 0
