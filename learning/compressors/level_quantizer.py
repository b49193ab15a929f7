"""Quantizers that round each bucket of coordinates to evenly spaced levels of a scale, and their messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from learning.compressors import entropy
from learning.compressors.buckets import Buckets
from learning.compressors.compressor import Encoded
from learning.compressors.kernel_rows import has_kernels
from learning.compressors.packing import BitReader, field_bits, float_bits, to_bytes
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class LevelQuantizer(ABC):
    """Common part of qsgd and dither, which differ in the scale of a bucket (norm or largest magnitude).

    |x| becomes floor(|x| / unit + u) units, with unit = scale / levels and u uniform in [0, 1).
    """

    levels: int
    bucket: int | None
    code: str

    @property
    def lossless(self) -> bool:
        """False: coordinates are rounded."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return 32 bits per bucket and 1 + ceil(log2(levels + 1)) per coordinate; None for the other codes."""
        if self.code != "fixed":
            return None
        return 32 * self._buckets(dim).count + dim * (1 + self.levels.bit_length())

    @abstractmethod
    def omega(self, dim: int) -> float:
        """Return the relative variance of the largest bucket."""

    def delta(self, dim: int) -> float | None:
        """Return 1 - omega where that is positive, else None."""
        omega = self.omega(dim)
        return 1 - omega if omega < 1 else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rounded rows, and their lengths where these depend on values; uses draw 0 of the rng."""
        values, scales = self._round(rows, rng)
        if self.code == "fixed":
            return Encoded(values, None)
        return Encoded(values, entropy_bits(values, scales, self.levels, self._buckets(rows.shape[1])))

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the scales of the buckets, then the code of the signed levels."""
        scales, signed = self.signed_levels(row, key)
        if self.code == "entropy":
            return to_bytes(float_bits(scales), entropy.encode_levels(signed, self.levels))
        width = self.levels.bit_length()
        return to_bytes(float_bits(scales), field_bits(np.abs(signed) | ((signed < 0) << width), width + 1))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the rounded row as float32."""
        reader = BitReader.of(data)
        scales = reader.floats(self._buckets(dim).count)
        if self.code == "entropy":
            return self.values(scales, entropy.decode_levels(reader, dim, self.levels))
        width = self.levels.bit_length()
        fields = reader.fields(dim, width + 1)
        magnitude = fields & ((1 << width) - 1)
        return self.values(scales, np.where(fields >> width, -magnitude, magnitude))

    def signed_levels(self, row: Tensor, key: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Return (scales [buckets], signed levels [d]) of a row [d], which is the content of a message."""
        import torch

        copy = row.detach().cpu().to(torch.float32, copy=True)
        values, scales = self._round(copy[None], KeyedRandom(np.array([key], dtype=np.uint64)))
        levels = levels_of(values, scales, self.levels, self._buckets(len(row)))[0].numpy()
        return scales[0], np.where(values[0].numpy() < 0, -levels, levels)

    def values(self, scales: NDArray[np.float32], signed: NDArray[np.int64]) -> Tensor:
        """Return the float32 row [d] of scales [buckets] and signed levels [d]."""
        import torch

        units = torch.from_numpy(scales)[None] / torch.full((1, len(scales)), self.levels)
        return torch.from_numpy(signed).float() * self._buckets(len(signed)).expand(units)[0] + 0.0

    @abstractmethod
    def _round(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        """Return (values [K, d], scales [K, buckets]); may overwrite the rows."""

    def _buckets(self, dim: int) -> Buckets:
        return Buckets.of(self.bucket, dim)


def round_to_levels(rows: Tensor, scales: Tensor, levels: int, buckets: Buckets, rng: KeyedRandom) -> Tensor:
    """Return rows [K, d] rounded at random to `levels` levels of their buckets' scales [K, buckets], by torch."""
    import torch

    units = buckets.expand(scales / torch.full_like(scales, levels))
    ratio = (rows.abs() / torch.where(units == 0, 1.0, units)).clamp_(max=levels)
    floor = ratio.floor()
    # the remainder and 1 - u are exact, so this is floor(ratio + u) without rounding
    up = (ratio - floor) >= 1 - rng.uniforms(buckets.dim, rows)
    return torch.copysign((floor + up) * units, rows) + 0.0  # + 0: no -0; a scale of inf or nan gives nan


def levels_of(values: Tensor, scales: Tensor, levels: int, buckets: Buckets) -> Tensor:
    """Return int64 [K, d]: the levels of rounded values; zero where the scale is zero or not finite."""
    import torch

    units = buckets.expand(scales / torch.full_like(scales, levels))
    usable = units.isfinite() & (units > 0)
    return torch.where(usable, values.abs() / units, 0.0).round().to(torch.int64)


def entropy_bits(values: Tensor, scales: Tensor, levels: int, buckets: Buckets) -> Tensor:
    """Return int64 [K]: the lengths of messages of scales and entropy-coded levels of rounded rows."""
    import torch

    counts = symbol_counts(values, scales, levels, buckets)
    return torch.from_numpy(entropy.coded_bits(counts)).to(values.device) + 32 * buckets.count


def symbol_counts(values: Tensor, scales: Tensor, levels: int, buckets: Buckets) -> NDArray[np.int64]:
    """Return [K, symbols]: how often each symbol of the entropy code occurs in the rows of rounded values."""
    import torch

    symbols = entropy.level_symbols(levels)
    out = torch.zeros(len(values), int(symbols[-1]) + 1, dtype=torch.int64, device=values.device)
    if has_kernels(values):
        from learning.compressors import rounding_kernels

        rounding_kernels.symbol_counts(
            values.numpy(), scales.numpy(), levels, buckets.size, symbols, out.numpy()
        )
    else:
        symbols_of_values = torch.from_numpy(symbols).to(values.device)[
            levels_of(values, scales, levels, buckets)
        ]
        out.scatter_add_(1, symbols_of_values, torch.ones_like(symbols_of_values))
    counts: NDArray[np.int64] = out.cpu().numpy()
    return counts
