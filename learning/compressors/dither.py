"""Dithering: unbiased random rounding to a few evenly spaced levels of a bucket's largest magnitude."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, ClassVar, Literal

from learning.compressors import entropy
from learning.compressors.buckets import check_bucket
from learning.compressors.kernel_rows import has_kernels
from learning.compressors.level_quantizer import LevelQuantizer, round_to_levels
from learning.part_names import VALUE_NEUTRAL

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class Dither(LevelQuantizer):
    """Round each bucket to `levels` even levels of its largest magnitude. Source: arXiv:1610.02132, section 3.2.

    |x| becomes floor(|x| / unit + u) units, unit = max / levels, u uniform in [0, 1). A bucket of zeros gives zeros,
    one that contains inf or nan gives nan. `code: fixed` uses 1 + ceil(log2(levels + 1)) bits per coordinate,
    `code: entropy` codes levels by their frequencies (asymmetric numeral systems, arXiv:1311.2540).
    """

    citations: ClassVar[Mapping[str, str]] = {"alistarh2016qsgd": "", "duda2013ans": "code=entropy"}

    levels: int
    bucket: int | None = 512
    code: Literal["fixed", "entropy"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= entropy.MAX_LEVEL:
            raise ValueError(f"levels must be 1 to {entropy.MAX_LEVEL}, got {self.levels}; 4 to 64 are usual")
        check_bucket(self.bucket)
        if self.code not in ("fixed", "entropy"):
            raise ValueError(f"code must be fixed or entropy, got {self.code!r}; choose one of these")

    def omega(self, dim: int) -> float:
        """Return (sqrt(s^2 + B - 1) - s) / (2 s) of the largest bucket B.

        Sharp (own derivation): attained by one coordinate at the maximum, the others at s / (s + sqrt(s^2 + B - 1))
        of a unit.
        """
        size, s = self._buckets(dim).size, self.levels
        return (sqrt(s * s + size - 1) - s) / (2 * s)

    def _round(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        buckets = self._buckets(rows.shape[1])
        scales = buckets.largest(rows)
        if not has_kernels(rows):
            return round_to_levels(rows, scales, self.levels, buckets, rng), scales
        from learning.compressors.rounding_kernels import round_rows

        rows = rows.detach().contiguous()
        round_rows(rows.numpy(), rng.keys, scales.numpy(), self.levels, buckets.size)
        return rows, scales
