"""TernGrad: three values per coordinate, plus or minus the largest magnitude of a bucket, or zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from learning.compressors.buckets import Buckets, check_bucket
from learning.compressors.compressor import Encoded
from learning.compressors.dither import Dither
from learning.compressors.packing import BitReader, code_bits, float_bits, to_bytes
from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom

DIGITS = 5
"""Ternary digits in a byte: 3^5 = 243."""
WIDTHS = np.array([0, 2, 4, 5, 7, 8])
"""Bits of 0 to 5 ternary digits."""


@dataclass(frozen=True)
class TernGrad:
    """Send sign(x) max|x| with probability |x| / max|x|, else 0. Source: TernGrad, arXiv:1705.07878.

    The maximum is a bucket's. `clip: 2.5` first clips coordinates to 2.5 root mean squares of their bucket, as the
    paper does (per layer, standard deviations): less variance, but biased. `code: fixed` is 2 bits per coordinate,
    `packed` five coordinates per byte, `entropy` the code of `dither`, of which this is the case of one level.
    """

    citations: ClassVar[Mapping[str, str]] = {"wen2017terngrad": ""}

    bucket: int | None = 512
    clip: float | None = None
    code: Literal["fixed", "packed", "entropy"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        check_bucket(self.bucket)
        if self.clip is not None and not 0 < self.clip < float("inf"):
            raise ValueError(f"clip must be positive and finite, got {self.clip}; the paper's choice is 2.5")
        if self.code not in ("fixed", "packed", "entropy"):
            raise ValueError(f"code must be fixed, packed or entropy, got {self.code!r}; choose one")

    @property
    def lossless(self) -> bool:
        """False: coordinates are rounded."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return 32 bits per bucket and 2 dim, or 8 per 5 coordinates; None for the entropy code."""
        if self.code == "packed":
            return 32 * Buckets.of(self.bucket, dim).count + int(_widths(dim).sum())
        return self._dither.bits(dim)

    def omega(self, dim: int) -> float | None:
        """Return (sqrt(B) - 1) / 2 of the largest bucket B (sharp, own derivation); None where clipping biases."""
        return self._dither.omega(dim) if self.clip is None else None

    def delta(self, dim: int) -> float | None:
        """Return 1 - omega where that is positive and nothing is clipped, else None."""
        return self._dither.delta(dim) if self.clip is None else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rounded rows, and their lengths where the code is `entropy`; uses draw 0 of the rng."""
        return self._dither.encode(self._clip(rows), rng)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the scales of the buckets, then the code of the signed levels."""
        row = self._clip(row.detach().cpu().float()[None])[0]
        if self.code != "packed":
            return self._dither.pack(row, key)
        scales, signed = self._dither.signed_levels(row, key)
        digits = np.pad(signed + 1, (0, -len(signed) % DIGITS)).reshape(-1, DIGITS)
        return to_bytes(float_bits(scales), code_bits(digits @ _places(), _widths(len(signed))))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the rounded row as float32."""
        if self.code != "packed":
            return self._dither.unpack(data, dim)
        reader = BitReader.of(data)
        scales = reader.floats(Buckets.of(self.bucket, dim).count)
        numbers = np.concatenate([reader.fields(1, width) for width in _widths(dim).tolist()])
        digits = (numbers[:, None] // _places() % 3).ravel()[:dim]
        return self._dither.values(scales, digits - 1)

    @property
    def _dither(self) -> Dither:
        return Dither(1, self.bucket, "entropy" if self.code == "entropy" else "fixed")

    def _clip(self, rows: Tensor) -> Tensor:
        """Return rows clipped to +-clip root mean squares of their bucket; inf and nan are preserved."""
        if self.clip is None:
            return rows
        buckets = Buckets.of(self.bucket, rows.shape[1])
        size = (buckets.sums(rows, squared=True) / buckets.lengths(rows)).sqrt()
        limit = buckets.expand((size * self.clip).to(rows.dtype))
        return rows.where(~(rows.abs() > limit), limit.copysign(rows))


def _places() -> NDArray[np.int64]:
    places: NDArray[np.int64] = np.int64(3) ** np.arange(DIGITS)
    return places


def _widths(dim: int) -> NDArray[np.int64]:
    """Return the width of each group of five digits: 8 bits, less for a last group that is not full."""
    digits = np.full(-(-dim // DIGITS), DIGITS)
    digits[-1] = dim - DIGITS * (len(digits) - 1)
    widths: NDArray[np.int64] = WIDTHS[digits]
    return widths
