"""The interface of a compressor: size, accuracy and encoding in one part, kept consistent by tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeGuard

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True, eq=False)
class Encoded:
    """What the receivers of K messages decode, and the lengths of messages whose size depends on values."""

    values: Tensor  # [K, d], the dtype and device of the rows
    bits: Tensor | None  # [K] int64 payload bits per row; None where Compressor.bits(d) gives them


class Compressor(Protocol):
    """A part that encodes a row of d coordinates as a message; sizes are payload bits, without headers."""

    @property
    def lossless(self) -> bool:
        """True only where receivers obtain the vector itself (fp32 `none`), so that no encoding has to be computed."""

    def bits(self, dim: int) -> int | None:
        """Return the payload bits of a message of dim coordinates; None if they depend on values."""

    def omega(self, dim: int) -> float | None:
        """Return omega with E[Q(x)] = x and E||Q(x) - x||^2 <= omega ||x||^2 for every x; None if biased."""

    def delta(self, dim: int) -> float | None:
        """Return delta in (0, 1] with E||C(x) - x||^2 <= (1 - delta) ||x||^2 for every x, or None."""

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode rows [K, d] of float32 or float64 in that dtype; takes ownership and may overwrite them.

        A pure function of (row, its key): no bit of a row's result depends on K or on the other rows.
        """

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the ceil(bits / 8) transmitted bytes of a row [d]; a float64 row is rounded to float32 first."""

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the float32 row [dim] that encode gives for the packed row and key, bit for bit."""


class StatefulCompressor(Compressor, Protocol):
    """A compressor with one memory row per sender, which the engine stores and advances when a message is delivered."""

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Encode rows [K, d] given the senders' memory [K, d] (initially zeros); also return the next memory.

        Takes ownership of `rows`, not of `memory`. Row by row, as `encode`.
        """
        ...


def is_stateful(codec: Compressor) -> TypeGuard[StatefulCompressor]:
    """Whether the compressor has a memory row per sender."""
    return hasattr(codec, "remember")


def shares_memory(codec: Compressor) -> bool:
    """Whether the receiver also stores the sender's memory row, so that a new receiver needs a copy of it."""
    return bool(getattr(codec, "shared", False))


def contraction(codec: Compressor, dim: int) -> float | None:
    """Return the compressor's delta, or 1 - omega where it is unbiased with omega < 1; None without a contraction."""
    omega, delta = codec.omega(dim), codec.delta(dim)
    return delta if delta is not None or omega is None or omega >= 1 else 1 - omega
