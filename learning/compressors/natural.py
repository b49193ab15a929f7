"""Natural compression: every coordinate becomes one of its two neighbouring powers of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.kernel_rows import has_kernels
from learning.compressors.packing import BitReader, field_bits, to_bytes
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

LOWEST, HIGHEST = 2.0**-126, 2.0**127


@dataclass(frozen=True)
class Natural:
    """Round to a neighbouring power of two, up with the probability of the mantissa. Source: arXiv:1905.10988.

    A message is the sign and the exponent of binary32, 9 bits per coordinate. Below 2^-126 the neighbours are 0 and
    2^-126 (unbiased too, but with more than the stated variance); from 2^127 on coordinates become 2^127. inf and nan,
    of either sign, become nan.
    """

    citations: ClassVar[Mapping[str, str]] = {"horvath2019natural": ""}

    @property
    def lossless(self) -> bool:
        """False: mantissas are lost."""
        return False

    def bits(self, dim: int) -> int:
        """Return 9 dim."""
        return 9 * dim

    def omega(self, dim: int) -> float:
        """Return 1/8, attained where every |x| is 4/3 of a power of two (arXiv:1905.10988, Theorem 5)."""
        return 0.125

    def delta(self, dim: int) -> float:
        """Return 7/8."""
        return 0.875

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rounded rows; uses the top 23 bits of draw 0 of the rng."""
        if has_kernels(rows):
            from learning.compressors.rounding_kernels import natural_rows

            rows = rows.detach().contiguous()
            natural_rows(rows.numpy().view("u4"), rng.keys)
            return Encoded(rows, None)
        return Encoded(_rounded(rows, rng), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return sign and biased exponent of each coordinate, most significant bit first."""
        import torch

        copy = row.detach().cpu().to(torch.float32, copy=True)
        values = self.encode(copy[None], KeyedRandom(np.array([key], dtype=np.uint64))).values[0]
        bits: NDArray[np.uint32] = values.numpy().view("u4")
        return to_bytes(field_bits(bits >> 23, 9))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the powers of two as float32; an exponent of 255 is nan."""
        import torch

        bits = BitReader.of(data).fields(dim, 9).astype(np.uint32) << 23
        bits[(bits >> 23) & 0xFF == 0xFF] = 0x7FC00000
        return torch.from_numpy(bits.view(np.float32))


def _rounded(rows: Tensor, rng: KeyedRandom) -> Tensor:
    import torch

    size = rows.abs()
    bits_type = torch.int64 if rows.dtype == torch.float64 else torch.int32
    exponents = size.new_tensor(torch.inf).view(bits_type)  # infinity's bits are those of the exponent
    power = (size.view(bits_type) & exponents).view(rows.dtype).clamp(LOWEST, HIGHEST)
    lower = torch.where(size < LOWEST, 0.0, power)
    fraction = (size - lower) / power  # exact: the mantissa without its leading one
    u = (rng.words(rows.shape[1], rows) >> 9).to(rows.dtype) * 2.0**-23
    rounded = torch.where(fraction + u >= 1, power + lower, lower).clamp(max=HIGHEST)
    signed = torch.copysign(rounded, rows) + 0.0  # + 0 turns -0 into +0
    return torch.where(rows.isfinite(), signed, torch.nan)
