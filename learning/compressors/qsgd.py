"""QSGD: unbiased random rounding to a few levels of a bucket's norm, sent with a fixed or an entropy code."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from learning.compressors import entropy
from learning.compressors.buckets import Buckets
from learning.compressors.compressor import Encoded
from learning.compressors.dither import coded_bits
from learning.compressors.elias import level_bits, read_levels, torch_coded_bits
from learning.compressors.kernel_rows import as_kernel_rows, has_kernels
from learning.compressors.packing import BitReader, field_bits, float_bits, to_bytes
from learning.part_names import VALUE_NEUTRAL
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

MOST_LEVELS = 65535


@dataclass(frozen=True)
class Qsgd:
    """Round each bucket of coordinates to `levels` levels of its l2 norm. Source: QSGD, arXiv:1610.02132.

    |x| becomes floor(|x| / unit + u) units with unit = norm / levels and u uniform in [0, 1). A bucket of
    zeros gives zeros; a bucket whose norm is not finite gives nan, so that a poisoned update shows. `bucket:
    null` is one bucket over the whole vector. `code: fixed` spends 1 + ceil(log2(levels + 1)) bits per
    coordinate; `code: elias` sends QSGD's sparse or dense Elias omega code, whichever is shorter, behind one
    flag bit; `code: entropy` codes levels by their frequencies (asymmetric numeral systems, arXiv:1311.2540).
    """

    levels: int
    bucket: int | None = 512
    code: Literal["fixed", "elias", "entropy"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= MOST_LEVELS:
            raise ValueError(f"levels must be 1 to {MOST_LEVELS}, got {self.levels}; 4 to 64 are usual")
        if self.bucket is not None and self.bucket < 1:
            raise ValueError(f"bucket must be >= 1, got {self.bucket}; null is one for the whole model")
        if self.code not in ("fixed", "elias", "entropy"):
            raise ValueError(f"code must be fixed, elias or entropy, got {self.code!r}; choose one")

    @property
    def lossless(self) -> bool:
        """False: coordinates are rounded."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return 32 bits per bucket's norm and the fixed code of each coordinate; None for the others."""
        if self.code != "fixed":
            return None
        return 32 * self._buckets(dim) + dim * (1 + self.levels.bit_length())

    def expected_coded_bits(self, dim: int) -> float:
        """Return QSGD's estimate of the mean Elias-coded length (arXiv:1610.02132, Theorem 3.2, o(1) dropped)."""
        size, s = self._size(dim), self.levels
        nonzero = s * (s + sqrt(size))
        spread = max(1.0, 2 * (s**2 + size) / nonzero)
        return self._buckets(dim) * (32 + (3 + 1.5 * log2(spread)) * nonzero)

    def omega(self, dim: int) -> float:
        """Return q*(B, s) of the largest bucket: sqrt(B)/s - 1 if sqrt(B) >= 2s, else B/(4 s^2).

        Sharp: some x attains it (our derivation; the paper's min(B/s^2, sqrt(B)/s) is up to four times that).
        """
        size = self._size(dim)
        root = sqrt(size)
        return root / self.levels - 1 if root >= 2 * self.levels else size / (4 * self.levels**2)

    def delta(self, dim: int) -> float | None:
        """Return 1 - omega where that is positive, else None."""
        omega = self.omega(dim)
        return 1 - omega if omega < 1 else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the quantised rows, and their lengths where the code is not fixed; uses draw 0 of the coins."""
        import torch

        bits = rows.new_empty(len(rows), dtype=torch.int64) if self.code == "elias" else None
        values, norms = self._quantise(rows, rng, bits)
        if self.code == "entropy":
            cut = Buckets.of(self.bucket, rows.shape[1])
            return Encoded(values, coded_bits(values, norms, self.levels, cut))
        if bits is None:
            return Encoded(values, None)
        return Encoded(values, bits + 1 + 32 * norms.shape[1])

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return [Elias only: flag, set for dense] norms, then the code of the coordinates."""
        import torch

        fresh = row.detach().cpu().to(torch.float32, copy=True)
        values, norms = self._quantise(fresh[None], KeyedRandom(np.array([key], dtype=np.uint64)))
        levels: NDArray[np.int64] = self._levels(values, norms)[0].numpy()
        signed = np.where(values[0].numpy() < 0, -levels, levels)
        if self.code == "fixed":
            width = self.levels.bit_length()
            return to_bytes(float_bits(norms[0]), field_bits(levels | ((signed < 0) << width), width + 1))
        if self.code == "entropy":
            return to_bytes(float_bits(norms[0]), entropy.level_bits(signed, self.levels))
        dense, coded = level_bits(signed)
        return to_bytes(np.array([dense], dtype=np.uint8), float_bits(norms[0]), coded)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the quantised row as float32."""
        import torch

        reader = BitReader.of(data)
        dense = self.code == "elias" and bool(reader.take(1)[0])
        norms = torch.from_numpy(reader.floats(self._buckets(dim)))[None]
        if self.code == "elias":
            signed = read_levels(reader.bits[reader.at :], dim, dense)
        elif self.code == "entropy":
            signed = entropy.read_levels(reader, dim, self.levels)
        else:
            width = self.levels.bit_length()
            fields = reader.fields(dim, width + 1)
            magnitude = fields & ((1 << width) - 1)
            signed = np.where(fields >> width, -magnitude, magnitude)
        units = self._spread(norms / torch.full_like(norms, self.levels), dim)
        return (torch.from_numpy(signed).float()[None] * units + 0.0)[0]

    def _size(self, dim: int) -> int:
        return dim if self.bucket is None else min(self.bucket, dim)

    def _buckets(self, dim: int) -> int:
        return -(-dim // self._size(dim))

    def _spread(self, per_bucket: Tensor, dim: int) -> Tensor:
        return per_bucket.repeat_interleave(self._size(dim), dim=1)[:, :dim]

    def _quantise(self, rows: Tensor, rng: KeyedRandom, bits: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return values [K, d] and norms [K, buckets]; `bits` [K] receives the lengths of the levels' Elias code."""
        import torch

        if not has_kernels(rows):
            values, norms = self._quantise_by_torch(rows, rng)
            if bits is not None:
                bits.copy_(torch_coded_bits(self._levels(values, norms)))
            return values, norms
        from learning.compressors.qsgd_kernels import quantise_rows

        (rows, memory), dim = as_kernel_rows(rows), rows.shape[1]
        norms = rows.new_empty(rows.shape[0], self._buckets(dim))
        lengths = (torch.empty(0, dtype=torch.int64) if bits is None else bits).numpy()
        quantise_rows(memory, dim, rng.keys, self.levels, self._size(dim), norms.numpy(), lengths)
        return rows, norms

    def _quantise_by_torch(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        import torch

        dim = rows.shape[1]
        norms = self._norms(rows)
        units = self._spread(norms / torch.full_like(norms, self.levels), dim)
        ratio = (rows.abs() / torch.where(units == 0, 1.0, units)).clamp_(max=self.levels)
        whole = ratio.floor()
        up = (ratio - whole) >= 1 - rng.uniforms(dim, rows)  # both exact: floor(ratio + u) without rounding
        values = torch.copysign((whole + up) * units, rows) + 0.0  # + 0: no -0; 0 * inf is nan, as promised
        return values, norms

    def _norms(self, rows: Tensor) -> Tensor:
        """Return [K, buckets]: float64 squares added by a halving tree, the same bits on every device."""
        from torch.nn.functional import pad

        size = self._size(rows.shape[1])
        count = self._buckets(rows.shape[1])
        leaves = pad(rows.double().square(), (0, count * size - rows.shape[1])).view(len(rows), count, size)
        half = 1 << (size - 1).bit_length()
        leaves = pad(leaves, (0, half - size))
        while half > 1:
            half //= 2
            leaves = leaves[..., :half] + leaves[..., half:]
        return leaves[..., 0].sqrt().to(rows.dtype)

    def _levels(self, values: Tensor, norms: Tensor) -> Tensor:
        """Return int64 [K, d]: the levels of quantised values; zero where the norm is zero or not finite."""
        import torch

        units = self._spread(norms / torch.full_like(norms, self.levels), values.shape[1])
        usable = units.isfinite() & (units > 0)
        return torch.where(usable, values.abs() / units, 0.0).round().to(torch.int64)
