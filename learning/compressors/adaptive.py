"""A quantizer whose levels follow a schedule: each global round has its own compressor, with its own size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from learning.compressors.chain import Chain
from learning.compressors.compressor import Compressor, Encoded
from learning.compressors.dither import Dither
from learning.compressors.error_feedback import MemoryWrapper
from learning.compressors.level_schedules import LevelSchedule
from learning.compressors.model_compression import OfModel
from learning.compressors.qsgd import Qsgd

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom


@dataclass(frozen=True)
class Adaptive:
    """qsgd or dither `of` the levels that `levels` gives for each global round, equal for all messages of a round.

    `of.levels` must be those of the first round, whose sizes and codes this part itself has; messages of round t are
    encoded by `at_round(part, t)`. Its omega is that of the fewest levels. Raises ValueError for levels that `of` does
    not accept.
    """

    of: Compressor
    levels: LevelSchedule

    def __post_init__(self) -> None:
        first = self.levels.level(0)
        if not isinstance(self.of, Qsgd | Dither):
            raise ValueError(f"of must be qsgd or dither, whose levels can change, got {self.of}")
        if self.of.levels != first:
            raise ValueError(
                f"of has {self.of.levels} levels, but the first round has {first}; write the same number twice"
            )
        replace(self.of, levels=self.levels.least)
        replace(self.of, levels=self.levels.most)

    @property
    def lossless(self) -> bool:
        """False: coordinates are rounded."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return the bits of a message of the first round."""
        return self.of.bits(dim)

    def omega(self, dim: int) -> float | None:
        """Return the largest omega of any round."""
        return self.at(self.levels.least).omega(dim)

    def delta(self, dim: int) -> float | None:
        """Return the smallest delta of any round."""
        return self.at(self.levels.least).delta(dim)

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Encode rows [K, d] as in the first round."""
        return self.of.encode(rows, rng)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the bytes of a message of the first round."""
        return self.of.pack(row, key)

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the row of a message of the first round."""
        return self.of.unpack(data, dim)

    def at(self, levels: int) -> Compressor:
        """Return the compressor with the given number of levels."""
        return _with_levels(self.of, levels)  # type: ignore[arg-type]


def is_adaptive(codec: Compressor) -> bool:
    """Whether the compressor, or the one inside it, changes with the global round."""
    inner = _inner_of(codec)
    return isinstance(codec, Adaptive) or (inner is not None and is_adaptive(inner))


def at_round(codec: Compressor, round_index: int) -> Compressor:
    """Return the compressor of global round `round_index`, counted from 0.

    Equal levels give the same object; a compressor that does not change is returned as it is.
    """
    if isinstance(codec, Adaptive):
        return codec.at(codec.levels.level(round_index))
    inner = _inner_of(codec)
    current = inner if inner is None else at_round(inner, round_index)
    return codec if current is inner else _wrap(codec, current)  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _with_levels(codec: Compressor, levels: int) -> Compressor:
    assert isinstance(codec, Qsgd | Dither)
    return replace(codec, levels=levels)


@lru_cache(maxsize=1024)
def _wrap(codec: Compressor, inner: Compressor) -> Compressor:
    if isinstance(codec, Chain):
        return replace(codec, then=inner)
    assert isinstance(codec, MemoryWrapper | OfModel)
    return replace(codec, inner=inner)


def _inner_of(codec: Compressor) -> Compressor | None:
    if isinstance(codec, MemoryWrapper | OfModel):
        return codec.inner
    return codec.then if isinstance(codec, Chain) else None
