"""Compressors that remember: what one message leaves out, the next ones make good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeGuard

from learning.compressors.compressor import Compressor, Encoded
from learning.compressors.integer import Integer

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


class StatefulCompressor(Compressor, Protocol):
    """A compressor with one memory row per sender; the engine keeps it and moves it once a message is delivered."""

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Encode rows [K, d] given the senders' memory [K, d] (zeros at first); return also the memory after.

        Takes ownership of `rows`, not of `memory`. Row by row, as `encode`.
        """
        ...


def is_stateful(codec: Compressor) -> TypeGuard[StatefulCompressor]:
    """Whether the compressor keeps a memory row per sender."""
    return hasattr(codec, "remember")


def shares_memory(codec: Compressor) -> bool:
    """Whether the receiver keeps the sender's memory row too, and a new receiver needs a copy of it."""
    return bool(getattr(codec, "shared", False))


@dataclass(frozen=True)
class Wrapper:
    """What both memories share: sizes, accuracy and code are the inner compressor's.

    `inner` must contract (E||C(x)-x||^2 < ||x||^2), else what it leaves out would grow; checked where d is known.
    Raises ValueError for an `inner` that loses nothing or remembers itself.
    """

    inner: Compressor

    def __post_init__(self) -> None:
        if self.inner.lossless or isinstance(self.inner, Integer):
            raise ValueError(f"a memory needs a lossy compressor inside, got {self.inner}; use it alone")
        if is_stateful(self.inner):
            raise ValueError(f"{self.inner} has a memory of its own; keep one of the two")

    @property
    def lossless(self) -> bool:
        """False."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return the inner compressor's bits."""
        return self.inner.bits(dim)

    def omega(self, dim: int) -> float | None:
        """Return None: with memory a single message is biased even where the inner compressor is not."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return the inner contraction of a message sent with an empty memory."""
        return contraction(self.inner, dim)

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode rows [K, d] with an empty memory."""
        return self.inner.encode(rows, rng)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the inner code of a row [d] that memory has been added to, or taken from."""
        return self.inner.pack(row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the inner compressor's row."""
        return self.inner.unpack(data, dim)


@dataclass(frozen=True)
class ErrorFeedback(Wrapper):
    """Send C(x + e), keep e' = x + e - C(x + e). Source: EF-SGD, arXiv:1901.09847; memory: arXiv:1809.07599.

    Over T messages the receiver lacks e_T alone, however coarse the code. The first message is C(x).
    """

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Return C(x + e) and x + e - C(x + e)."""
        wanted = rows.add_(memory)
        left = wanted.clone()
        sent = self.inner.encode(wanted, rng)
        return sent, left.sub_(sent.values)


@dataclass(frozen=True)
class Ef21(Wrapper):
    """Both ends keep g; send c = C(x - g), decode g' = g + c. Source: EF21, arXiv:2106.05203.

    A message that is lost moves neither end's g.
    """

    shared: ClassVar[bool] = True

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Return g + C(x - g), which is also the memory after."""
        sent = self.inner.encode(rows.sub_(memory), rng)
        known = memory + sent.values
        return Encoded(known, sent.bits), known


def contraction(codec: Compressor, dim: int) -> float | None:
    """The compressor's delta, or 1 - omega where it is unbiased with omega < 1; None where nothing contracts."""
    omega, delta = codec.omega(dim), codec.delta(dim)
    return delta if delta is not None or omega is None or omega >= 1 else 1 - omega
