"""Signs with a magnitude: one bit per coordinate and one scale per bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from learning.compressors.buckets import Buckets, check_bucket
from learning.compressors.compressor import Encoded
from learning.compressors.kernel_rows import has_kernels
from learning.compressors.packing import BitReader, float_bits, to_bytes
from learning.compressors.sign import Sign
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ScaledSign:
    """Send (||x||_1 / d) sign(x) of each bucket. Source: EF-SIGNSGD, arXiv:1901.09847.

    The sign of an exact zero is a fair keyed coin (the contraction holds with either sign). Biased: use it with error
    feedback. A bucket of zeros gives zeros, one that contains inf or nan gives nan. `bucket: null` is one scale per
    model.
    """

    citations: ClassVar[Mapping[str, str]] = {"karimireddy2019ef": ""}

    bucket: int | None = None

    def __post_init__(self) -> None:
        check_bucket(self.bucket)

    @property
    def lossless(self) -> bool:
        """False: magnitudes are lost."""
        return False

    def bits(self, dim: int) -> int:
        """Return 32 per bucket and one per coordinate."""
        return 32 * Buckets.of(self.bucket, dim).count + dim

    def omega(self, dim: int) -> float | None:
        """Return None: biased."""
        return None

    def delta(self, dim: int) -> float:
        """Return 1 / B of the largest bucket B: ||C(x) - x||^2 = ||x||^2 - ||x||_1^2 / B, worst for one coordinate."""
        return 1 / Buckets.of(self.bucket, dim).size

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the scaled signs; zeros get the signs of draw 0 of the rng."""
        buckets = Buckets.of(self.bucket, rows.shape[1])
        scales = (buckets.sums(rows, squared=False) / buckets.lengths(rows)).to(rows.dtype)
        return Encoded(_scaled(Sign().encode(rows, rng).values, scales, buckets), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the scales, then one bit per coordinate, set for +."""
        return _pack(self, self.bucket, row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the scaled signs as float32."""
        return _unpack(data, Buckets.of(self.bucket, dim))


@dataclass(frozen=True)
class StochasticSign:
    """Send scale * sign with + drawn with probability (1 + x / scale) / 2, which makes it unbiased.

    The scale is each bucket's l2 norm (`norm: l2`, arXiv:1905.12938) or its largest magnitude (`norm: max`, less
    variance). A bucket of zeros gives zeros, one whose scale is not finite gives nan.
    """

    citations: ClassVar[Mapping[str, str]] = {"safaryan2019sign": ""}

    norm: Literal["l2", "max"] = "max"
    bucket: int | None = 512

    def __post_init__(self) -> None:
        if self.norm not in ("l2", "max"):
            raise ValueError(f"norm must be l2 or max, got {self.norm!r}; max has less variance")
        check_bucket(self.bucket)

    @property
    def lossless(self) -> bool:
        """False: magnitudes are lost."""
        return False

    def bits(self, dim: int) -> int:
        """Return 32 per bucket and one per coordinate."""
        return 32 * Buckets.of(self.bucket, dim).count + dim

    def omega(self, dim: int) -> float:
        """Return B - 1 of the largest bucket B: for every x with l2, for a single coordinate with max."""
        return float(Buckets.of(self.bucket, dim).size - 1)

    def delta(self, dim: int) -> float | None:
        """Return 1 - omega where that is positive (a bucket of one coordinate), else None."""
        return 1.0 if self.omega(dim) == 0 else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the scaled signs; uses draw 0 of the rng."""
        import torch

        buckets = Buckets.of(self.bucket, rows.shape[1])
        scales = (
            buckets.largest(rows) if self.norm == "max" else buckets.sums(rows, True).sqrt().to(rows.dtype)
        )
        if has_kernels(rows):
            from learning.compressors.rounding_kernels import round_rows

            rows = rows.detach().contiguous()
            round_rows(rows.numpy(), rng.keys, scales.numpy(), 0, buckets.size)
            return Encoded(rows, None)
        threshold = rng.uniforms(buckets.dim, rows) * 2 - 1  # exact: 24 bits
        signs = torch.where(rows / buckets.expand(scales) > threshold, 1.0, -1.0).to(rows.dtype)
        return Encoded(_scaled(signs, scales, buckets), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the scales, then one bit per coordinate, set for +."""
        return _pack(self, self.bucket, row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the scaled signs as float32."""
        return _unpack(data, Buckets.of(self.bucket, dim))


def _scaled(signs: Tensor, scales: Tensor, buckets: Buckets) -> Tensor:
    """Return signs [K, d] times their buckets' scales; +0 where a scale is 0, nan where it is not finite."""
    import torch

    wide = buckets.expand(scales)
    return torch.where(wide.isfinite(), signs * wide + 0.0, torch.nan)


def _pack(codec: ScaledSign | StochasticSign, bucket: int | None, row: Tensor, key: int) -> bytes:
    import torch

    copy = row.detach().cpu().to(torch.float32, copy=True)
    values = codec.encode(copy[None], KeyedRandom(np.array([key], dtype=np.uint64))).values[0]
    scales = values[:: Buckets.of(bucket, len(row)).size].abs()
    return to_bytes(float_bits(scales), (values > 0).numpy().astype(np.uint8))


def _unpack(data: bytes, buckets: Buckets) -> Tensor:
    import torch

    reader = BitReader.of(data)
    scales = torch.from_numpy(reader.floats(buckets.count))[None]
    signs = torch.from_numpy(reader.take(buckets.dim).astype(np.float32) * 2 - 1)[None]
    return _scaled(signs, scales, buckets)[0]
