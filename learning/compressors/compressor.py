"""The contract of a compressor: bits, accuracy and encoding in one part, held together by tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True, eq=False)
class Encoded:
    """What receivers of K messages decode, and how long the messages are when only their bytes know."""

    values: Tensor  # [K, d], the dtype and device of the rows
    bits: Tensor | None  # [K] int64 payload bits per row; None where Compressor.bits(d) says it beforehand


class Compressor(Protocol):
    """A part that turns a row of d coordinates into a message; sizes are payload bits, without headers."""

    @property
    def lossless(self) -> bool:
        """True only where receivers get the vector itself (fp32 `none`): no encoding need be computed."""

    def bits(self, dim: int) -> int | None:
        """Return the payload bits of a message of dim coordinates; None: only the coded bytes know."""

    def omega(self, dim: int) -> float | None:
        """Return omega with E[Q(x)] = x and E||Q(x) - x||^2 <= omega ||x||^2 for every x; None if biased."""

    def delta(self, dim: int) -> float | None:
        """Return delta in (0, 1] with E||C(x) - x||^2 <= (1 - delta) ||x||^2 for every x, or None."""

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode rows [K, d] of float32 or float64 in that dtype; takes ownership and may overwrite them.

        A pure function of (row, its key): no bit of a row's result depends on K or on its neighbours.
        """

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the ceil(bits / 8) bytes on air of a row [d]; a float64 row is rounded to float32 first."""

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the float32 row [dim] that encode gives for the packed row and key, bit for bit."""
