"""No compression: the coordinates themselves, in 32 or 16 bits each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from learning.compressors.compressor import Encoded

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class Plain:
    """Send every coordinate as a float of the given format.

    fp32 is lossless and passes float64 rows (the test precision of the engine) unchanged, still charged 32 bits per
    coordinate. fp16 and bf16 round to nearest even; a finite coordinate beyond the format's largest number becomes that
    number instead of infinity, while inf and nan are preserved. Rounding is biased, and coordinates below the format's
    smallest number vanish: no omega and no delta hold for every x.
    """

    format: Literal["fp32", "fp16", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        if self.format not in ("fp32", "fp16", "bf16"):
            raise ValueError(f"format must be one of fp32, fp16, bf16, got {self.format!r}; choose one")

    @property
    def lossless(self) -> bool:
        """True for fp32: receivers obtain the vector itself."""
        return self.format == "fp32"

    def bits(self, dim: int) -> int:
        """Return 32 dim, or 16 dim for the half-width formats."""
        return (32 if self.lossless else 16) * dim

    def omega(self, dim: int) -> float | None:
        """Return 0 for fp32, None (biased) otherwise."""
        return 0.0 if self.lossless else None

    def delta(self, dim: int) -> float | None:
        """Return 1 for fp32, None otherwise."""
        return 1.0 if self.lossless else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rows, rounded to the format; rng is unused."""
        return Encoded(rows if self.lossless else self._narrow(rows).to(rows.dtype), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the coordinates in little-endian byte order."""
        import torch

        row = row.detach().cpu().to(torch.float32)
        narrow = row if self.lossless else self._narrow(row)
        return narrow.contiguous().view(torch.uint8).numpy().tobytes()

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the coordinates as float32. Raises ValueError for a length of other than dim coordinates."""
        import torch

        if len(data) * 8 != self.bits(dim):
            raise ValueError(f"message must have {self.bits(dim)} bits, got {8 * len(data)}; send it whole")
        return torch.frombuffer(bytearray(data), dtype=self._dtype()).to(torch.float32)

    def _narrow(self, rows: Tensor) -> Tensor:
        import torch

        limit = torch.finfo(self._dtype()).max
        clamped = torch.where(rows.isinf(), rows, rows.clamp(-limit, limit))
        return clamped.to(self._dtype())

    def _dtype(self) -> torch.dtype:
        import torch

        return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[self.format]
