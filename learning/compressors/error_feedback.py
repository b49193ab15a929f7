"""Compressors with memory: what one message leaves out is contained in the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from learning.compressors.compressor import Compressor, Encoded, contraction, is_stateful
from learning.compressors.integer import Integer

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class MemoryWrapper:
    """Common part of error feedback and EF21: size, accuracy and code are those of the inner compressor.

    `inner` must be a contraction (E||C(x)-x||^2 < ||x||^2), else what it leaves out would grow; this is checked where d
    is known. Raises ValueError for an `inner` that is lossless or has a memory itself.
    """

    inner: Compressor

    def __post_init__(self) -> None:
        if self.inner.lossless or isinstance(self.inner, Integer):
            raise ValueError(f"a memory needs a lossy compressor inside, got {self.inner}; use it alone")
        if is_stateful(self.inner):
            raise ValueError(f"{self.inner} has a memory of its own; keep one of the two")

    @property
    def lossless(self) -> bool:
        """False: single messages are lossy."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return the inner compressor's bits."""
        return self.inner.bits(dim)

    def omega(self, dim: int) -> float | None:
        """Return None: with memory a single message is biased even where the inner compressor is not."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return the inner contraction, which holds for a message sent with an empty memory."""
        return contraction(self.inner, dim)

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode rows [K, d] with an empty memory."""
        return self.inner.encode(rows, rng)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the inner code of a row [d] that already includes the memory."""
        return self.inner.pack(row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the inner compressor's row."""
        return self.inner.unpack(data, dim)


@dataclass(frozen=True)
class ErrorFeedback(MemoryWrapper):
    """Send C(x + e), store e' = x + e - C(x + e). Source: EF-SGD, arXiv:1901.09847; memory: arXiv:1809.07599.

    Over T messages the receiver lacks e_T alone, however coarse the code. The first message is C(x).
    """

    citations: ClassVar[Mapping[str, str]] = {"karimireddy2019ef": "", "stich2018sparsified": ""}

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Return C(x + e) and x + e - C(x + e)."""
        target = rows.add_(memory)
        memory_after = target.clone()
        encoded = self.inner.encode(target, rng)
        return encoded, memory_after.sub_(encoded.values)


@dataclass(frozen=True)
class Ef21(MemoryWrapper):
    """Sender and receiver store g; send c = C(x - g), decode g' = g + c. Source: EF21, arXiv:2106.05203.

    A lost message changes neither copy of g.
    """

    citations: ClassVar[Mapping[str, str]] = {"richtarik2021ef21": ""}

    shared: ClassVar[bool] = True

    def remember(self, rows: Tensor, memory: Tensor, rng: KeyedRandom) -> tuple[Encoded, Tensor]:
        """Return g + C(x - g), which is also the next memory."""
        encoded = self.inner.encode(rows.sub_(memory), rng)
        received = memory + encoded.values
        return Encoded(received, encoded.bits), received
