"""Compression of a model itself, rather than of its difference from the receivers' model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learning.compressors.compressor import Compressor, Encoded, is_stateful
from learning.compressors.integer import Integer
from learning.compressors.sign import Sign
from learning.compressors.sparse_sign import SparseSign

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class OfModel:
    """Send C(x) of the sender's model x, where other compressors send the difference of x from the receivers' model.

    Up, the parent takes C(x) - s as the child's update, s being the model that the child received; down, receivers hold
    C(x). No message depends on the previous one, but the error is proportional to the model, not to a step, and does
    not decrease as training converges. Raises ValueError for an `inner` that is lossless, carries no magnitude, or has
    a memory.
    """

    inner: Compressor

    def __post_init__(self) -> None:
        if self.inner.lossless:
            raise ValueError(
                f"inner loses nothing, so it sends the model already, got {self.inner}; use it alone"
            )
        if isinstance(self.inner, Sign | SparseSign | Integer):
            raise ValueError(
                f"inner must carry a model's magnitudes, got {self.inner}; use qsgd, dither or bf16"
            )
        if is_stateful(self.inner) or isinstance(self.inner, OfModel):
            raise ValueError(f"inner must be without memory, got {self.inner}; use the compressor inside it")

    @property
    def lossless(self) -> bool:
        """False: `inner` is lossy."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return the inner compressor's bits."""
        return self.inner.bits(dim)

    def omega(self, dim: int) -> float | None:
        """Return None: no bound in terms of the update holds."""
        return None

    def delta(self, dim: int) -> float | None:
        """Return None: no bound in terms of the update holds."""
        return None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode models [K, d]."""
        return self.inner.encode(rows, rng)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the inner code of a model [d]."""
        return self.inner.pack(row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the inner compressor's row."""
        return self.inner.unpack(data, dim)


def sends_models(codec: Compressor) -> bool:
    """Whether a message determines a model by itself, independently of the receivers' model."""
    return codec.lossless or isinstance(codec, OfModel)
