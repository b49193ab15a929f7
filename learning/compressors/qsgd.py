"""QSGD: unbiased random rounding to a few levels of a bucket's norm, with a fixed, an Elias or an entropy code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2, sqrt
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from learning.compressors import entropy
from learning.compressors.buckets import check_bucket
from learning.compressors.compressor import Encoded
from learning.compressors.elias import decode_levels, encode_levels, torch_coded_bits
from learning.compressors.kernel_rows import as_kernel_rows, has_kernels
from learning.compressors.level_quantizer import LevelQuantizer, levels_of, round_to_levels
from learning.compressors.packing import BitReader, float_bits, to_bytes
from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class Qsgd(LevelQuantizer):
    """Round each bucket of coordinates to `levels` levels of its l2 norm. Source: QSGD, arXiv:1610.02132.

    |x| becomes floor(|x| / unit + u) units with unit = norm / levels and u uniform in [0, 1). A bucket of zeros gives
    zeros; a bucket whose norm is not finite gives nan. `bucket: null` is one bucket over the whole vector.
    `code: fixed` uses 1 + ceil(log2(levels + 1)) bits per coordinate; `code: elias` is QSGD's sparse or dense Elias
    omega code, whichever is shorter, after one flag bit; `code: entropy` codes levels by their frequencies (asymmetric
    numeral systems, arXiv:1311.2540).
    """

    citations: ClassVar[Mapping[str, str]] = {"alistarh2016qsgd": "", "duda2013ans": "code=entropy"}

    levels: int
    bucket: int | None = 512
    code: Literal["fixed", "elias", "entropy"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= entropy.MAX_LEVEL:
            raise ValueError(f"levels must be 1 to {entropy.MAX_LEVEL}, got {self.levels}; 4 to 64 are usual")
        check_bucket(self.bucket)
        if self.code not in ("fixed", "elias", "entropy"):
            raise ValueError(f"code must be fixed, elias or entropy, got {self.code!r}; choose one")

    def expected_coded_bits(self, dim: int) -> float:
        """Return QSGD's estimate of the mean Elias-coded length (arXiv:1610.02132, Theorem 3.2, o(1) dropped)."""
        buckets, s = self._buckets(dim), self.levels
        nonzero = s * (s + sqrt(buckets.size))
        spread = max(1.0, 2 * (s**2 + buckets.size) / nonzero)
        return buckets.count * (32 + (3 + 1.5 * log2(spread)) * nonzero)

    def omega(self, dim: int) -> float:
        """Return q*(B, s) of the largest bucket: sqrt(B)/s - 1 if sqrt(B) >= 2s, else B/(4 s^2).

        Sharp: some x attains it (own derivation; the paper's min(B/s^2, sqrt(B)/s) is up to four times larger).
        """
        size = self._buckets(dim).size
        root = sqrt(size)
        return root / self.levels - 1 if root >= 2 * self.levels else size / (4 * self.levels**2)

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rounded rows, and their lengths where the code is not fixed; uses draw 0 of the rng."""
        import torch

        if self.code != "elias":
            return super().encode(rows, rng)
        bits = rows.new_empty(len(rows), dtype=torch.int64)
        values, norms = self._round(rows, rng, bits)
        return Encoded(values, bits + 1 + 32 * norms.shape[1])

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return [Elias only: flag, set for dense] norms, then the code of the signed levels."""
        if self.code != "elias":
            return super().pack(row, key)
        norms, signed = self.signed_levels(row, key)
        dense, coded = encode_levels(signed)
        return to_bytes(np.array([dense], dtype=np.uint8), float_bits(norms), coded)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the rounded row as float32."""
        if self.code != "elias":
            return super().unpack(data, dim)
        reader = BitReader.of(data)
        dense = bool(reader.take(1)[0])
        norms = reader.floats(self._buckets(dim).count)
        return self.values(norms, decode_levels(reader.bits[reader.position :], dim, dense))

    def _round(self, rows: Tensor, rng: KeyedRandom, bits: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return values [K, d] and norms [K, buckets]; `bits` [K] receives the lengths of the levels' Elias code."""
        import torch

        buckets = self._buckets(rows.shape[1])
        if not has_kernels(rows):
            norms = buckets.torch_sums(rows, squared=True).sqrt().to(rows.dtype)
            values = round_to_levels(rows, norms, self.levels, buckets, rng)
            if bits is not None:
                bits.copy_(torch_coded_bits(levels_of(values, norms, self.levels, buckets)))
            return values, norms
        from learning.compressors.qsgd_kernels import quantise_rows

        rows, memory = as_kernel_rows(rows)
        norms = rows.new_empty(len(rows), buckets.count)
        lengths = (torch.empty(0, dtype=torch.int64) if bits is None else bits).numpy()
        quantise_rows(memory, buckets.dim, rng.keys, self.levels, buckets.size, norms.numpy(), lengths)
        return rows, norms
