"""Dithering: unbiased random rounding to a few evenly spaced levels of a bucket's largest magnitude."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from learning.compressors import entropy
from learning.compressors.buckets import Buckets, check_bucket
from learning.compressors.compressor import Encoded
from learning.compressors.kernel_rows import has_kernels
from learning.compressors.packing import BitReader, field_bits, float_bits, to_bytes
from learning.part_names import VALUE_NEUTRAL
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Dither:
    """Round each bucket to `levels` even levels of its largest magnitude. Source: arXiv:1610.02132, section 3.2.

    |x| becomes floor(|x| / unit + u) units, unit = max / levels, u uniform in [0, 1). A bucket of zeros gives
    zeros, one that holds inf or nan gives nan. `code: fixed` spends 1 + ceil(log2(levels + 1)) bits per
    coordinate, `code: entropy` codes levels by their frequencies (asymmetric numeral systems, arXiv:1311.2540).
    """

    levels: int
    bucket: int | None = 512
    code: Literal["fixed", "entropy"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= entropy.MOST:
            raise ValueError(f"levels must be 1 to {entropy.MOST}, got {self.levels}; 4 to 64 are usual")
        check_bucket(self.bucket)
        if self.code not in ("fixed", "entropy"):
            raise ValueError(f"code must be fixed or entropy, got {self.code!r}; choose one of these")

    @property
    def lossless(self) -> bool:
        """False: coordinates are rounded."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return 32 bits per bucket and 1 + ceil(log2(levels + 1)) per coordinate; None for the entropy code."""
        fixed = 32 * self._cut(dim).count + dim * (1 + self.levels.bit_length())
        return fixed if self.code == "fixed" else None

    def omega(self, dim: int) -> float:
        """Return (sqrt(s^2 + B - 1) - s) / (2 s) of the largest bucket B.

        Sharp (our derivation): attained by one coordinate at the maximum, the others at s / (s + sqrt(s^2 + B - 1))
        of a unit.
        """
        size, s = self._cut(dim).size, self.levels
        return (sqrt(s * s + size - 1) - s) / (2 * s)

    def delta(self, dim: int) -> float | None:
        """Return 1 - omega where that is positive, else None."""
        omega = self.omega(dim)
        return 1 - omega if omega < 1 else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rounded rows, and their lengths where the code is `entropy`; uses draw 0 of the coins."""
        values, scales = self._rounded(rows, rng)
        if self.code == "fixed":
            return Encoded(values, None)
        return Encoded(values, coded_bits(values, scales, self.levels, self._cut(rows.shape[1])))

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the scales of the buckets, then the code of the signed levels."""
        scales, signed = self.signed_levels(row, key)
        if self.code == "entropy":
            return to_bytes(float_bits(scales), entropy.level_bits(signed, self.levels))
        width = self.levels.bit_length()
        return to_bytes(float_bits(scales), field_bits(np.abs(signed) | ((signed < 0) << width), width + 1))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the rounded row as float32."""
        reader = BitReader.of(data)
        scales = reader.floats(self._cut(dim).count)
        if self.code == "entropy":
            return self.value(scales, entropy.read_levels(reader, dim, self.levels))
        width = self.levels.bit_length()
        fields = reader.fields(dim, width + 1)
        size = fields & ((1 << width) - 1)
        return self.value(scales, np.where(fields >> width, -size, size))

    def signed_levels(self, row: Tensor, key: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Return (scales [buckets], signed levels [d]) of a row [d]: all that a message tells."""
        import torch

        fresh = row.detach().cpu().to(torch.float32, copy=True)
        values, scales = self._rounded(fresh[None], KeyedRandom(np.array([key], dtype=np.uint64)))
        levels = levels_of(values, scales, self.levels, self._cut(len(row)))[0].numpy()
        return scales[0], np.where(values[0].numpy() < 0, -levels, levels)

    def value(self, scales: NDArray[np.float32], signed: NDArray[np.int64]) -> Tensor:
        """Return the float32 row [d] of scales and signed levels."""
        import torch

        units = torch.from_numpy(scales)[None] / torch.full((1, len(scales)), self.levels)
        levels = torch.from_numpy(signed).float()
        return levels * self._cut(len(signed)).spread(units)[0] + 0.0

    def _cut(self, dim: int) -> Buckets:
        return Buckets.of(self.bucket, dim)

    def _rounded(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        """Return (values, scales [K, buckets])."""
        import torch

        cut = self._cut(rows.shape[1])
        scales = cut.largest(rows)
        if has_kernels(rows):
            from learning.compressors.rounding_kernels import round_rows

            rows = rows.detach().contiguous()
            round_rows(rows.numpy(), rng.keys, scales.numpy(), self.levels, cut.size)
            return rows, scales
        units = cut.spread(scales / torch.full_like(scales, self.levels))
        ratio = (rows.abs() / torch.where(units == 0, 1.0, units)).clamp_(max=self.levels)
        whole = ratio.floor()
        up = (ratio - whole) >= 1 - rng.uniforms(
            cut.dim, rows
        )  # both exact: floor(ratio + u) without rounding
        return torch.copysign((whole + up) * units, rows) + 0.0, scales  # no -0; inf and nan spread as nan


def levels_of(values: Tensor, scales: Tensor, levels: int, cut: Buckets) -> Tensor:
    """Return int64 [K, d]: the levels of rounded values; zero where the scale is zero or not finite."""
    import torch

    units = cut.spread(scales / torch.full_like(scales, levels))
    usable = units.isfinite() & (units > 0)
    return torch.where(usable, values.abs() / units, 0.0).round().to(torch.int64)


def coded_bits(values: Tensor, scales: Tensor, levels: int, cut: Buckets) -> Tensor:
    """Return int64 [K]: the lengths of messages of scales and entropy-coded levels of rounded rows."""
    import torch

    counts = level_counts(values, scales, levels, cut)
    return torch.from_numpy(entropy.coded_bits(counts)).to(values.device) + 32 * cut.count


def level_counts(values: Tensor, scales: Tensor, levels: int, cut: Buckets) -> NDArray[np.int64]:
    """Return [K, symbols], how often each symbol of the entropy code occurs in the rows of rounded values."""
    import torch

    classes = entropy.level_classes(levels)
    out = torch.zeros(len(values), int(classes[-1]) + 1, dtype=torch.int64, device=values.device)
    if has_kernels(values):
        from learning.compressors import rounding_kernels

        rounding_kernels.level_counts(values.numpy(), scales.numpy(), levels, cut.size, classes, out.numpy())
    else:
        symbols = torch.from_numpy(classes).to(values.device)[levels_of(values, scales, levels, cut)]
        out.scatter_add_(1, symbols, torch.ones_like(symbols))
    counts: NDArray[np.int64] = out.cpu().numpy()
    return counts
