"""Conversion between bits and bytes: fields of any width, most significant bit first, padded with zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def field_bits(values: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Return the bits, one per entry, of integers in 0 ... 2**width - 1 (width <= 63), one after another."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.int64)
    bits: NDArray[np.uint8] = ((values.astype(np.int64)[:, None] >> shifts) & 1).astype(np.uint8).ravel()
    return bits


def code_bits(values: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the bits of integers of differing widths (each <= 63), one after another."""
    ends = np.cumsum(widths)
    shifts = np.repeat(ends, widths) - 1 - np.arange(ends[-1] if len(ends) else 0)
    bits: NDArray[np.uint8] = ((np.repeat(values, widths) >> shifts) & 1).astype(np.uint8)
    return bits


def float_bits(values: Tensor) -> NDArray[np.uint8]:
    """Return the 32 d bits of a vector of d coordinates as IEEE 754 binary32."""
    big_endian = values.detach().cpu().float().numpy().astype(">f4")
    return np.unpackbits(big_endian.view(np.uint8))


def to_bytes(*parts: NDArray[np.uint8]) -> bytes:
    """Return the bytes of the concatenated bits."""
    return np.packbits(np.concatenate(parts)).tobytes()


@dataclass
class BitReader:
    """Reads a message from its first bit on. Raises ValueError where the message is too short."""

    bits: NDArray[np.uint8]
    position: int = 0

    @classmethod
    def of(cls, data: bytes) -> BitReader:
        """Return a reader at the first bit of data."""
        return cls(np.unpackbits(np.frombuffer(data, dtype=np.uint8)))

    def take(self, count: int) -> NDArray[np.uint8]:
        """Return the next count bits."""
        end = self.position + count
        if end > len(self.bits):
            raise ValueError(f"message must have at least {end} bits, got {len(self.bits)}; send it whole")
        part = self.bits[self.position : end]
        self.position = end
        return part

    def fields(self, count: int, width: int) -> NDArray[np.int64]:
        """Return the next count integers of width bits each, width <= 63."""
        weights = np.int64(1) << np.arange(width - 1, -1, -1, dtype=np.int64)
        out: NDArray[np.int64] = self.take(count * width).reshape(count, width).astype(np.int64) @ weights
        return out

    def floats(self, count: int) -> NDArray[np.float32]:
        """Return the next count coordinates of IEEE 754 binary32."""
        return np.packbits(self.take(32 * count)).view(">f4").astype(np.float32)
