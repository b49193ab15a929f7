"""Two compressors in sequence: the first selects coordinates, the second encodes their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

import numpy as np

from learning.compressors.compressor import Compressor, Encoded, is_stateful
from learning.compressors.packing import BitReader, to_bytes
from learning.compressors.positions import (
    decode_fixed,
    decode_golomb,
    encode_fixed,
    encode_golomb,
    fixed_bits,
    golomb_bits,
)
from learning.compressors.sign import Sign
from learning.compressors.sparse_sign import SparseSign
from learning.compressors.sparsify import RandK, TopK
from learning.part_names import VALUE_NEUTRAL
from learning.rng.keyed import KeyedRandom
from learning.rng.normal_draws import mix_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Bits = TypeVar("Bits", int, "Tensor")

SEED_BITS = 64
SECOND_KEY = np.uint64(0x9E3779B97F4A7C15)
"""Added to a row's key before mixing: the second compressor must not reuse the words that selected the coordinates."""


@dataclass(frozen=True)
class Chain:
    """Let `first` (top_k or rand_k) select k coordinates and `then` encode their k values, e.g. by qsgd.

    `positions: fixed` sends indices or a bitmap, whichever is shorter for this k and d; `golomb` sends Golomb-coded
    gaps, whose size depends on them; rand_k with a shared seed sends that. Positions are padded to whole bytes, so that
    any code may follow. top_k, then scaled_sign, with golomb positions is sparse ternary compression
    (arXiv:1903.02891). Values nan and inf that `first` selects are passed to `then`.
    """

    citations: ClassVar[Mapping[str, str]] = {"sattler2019stc": ""}

    first: Compressor
    then: Compressor
    positions: Literal["fixed", "golomb"] = field(default="fixed", metadata=VALUE_NEUTRAL)

    def __post_init__(self) -> None:
        if not isinstance(self.first, TopK | RandK):
            raise ValueError(f"first must be top_k or rand_k, got {self.first}; another part goes second")
        if isinstance(self.then, Sign | SparseSign):
            raise ValueError(
                f"then must carry a magnitude, got {self.then}; use scaled_sign or stochastic_sign"
            )
        if is_stateful(self.then):
            raise ValueError(
                f"then must not remember, got {self.then}; wrap the chain instead: error_feedback of a chain"
            )
        if self.positions not in ("fixed", "golomb"):
            raise ValueError(f"positions must be fixed or golomb, got {self.positions!r}; choose one")
        if self._seeded and self.positions == "golomb":
            raise ValueError(
                "positions must be fixed where rand_k sends its seed, got 'golomb'; give it indices: list"
            )

    @property
    def lossless(self) -> bool:
        """False: coordinates are dropped."""
        return False

    def bits(self, dim: int) -> int | None:
        """Return the bits of the positions, in whole bytes, and of k values; None where either depends on values."""
        values = self.then.bits(self._kept_count(dim))
        if values is None or self.positions == "golomb":
            return None
        return _whole_bytes(self._position_bits(dim)) + values

    def omega(self, dim: int) -> float | None:
        """Return (1 + omega_1)(1 + omega_2) - 1 if both are unbiased, else None."""
        one, two = self.first.omega(dim), self.then.omega(self._kept_count(dim))
        return None if one is None or two is None else (1 + one) * (1 + two) - 1

    def delta(self, dim: int) -> float | None:
        """Return delta_1 delta_2, since the errors lie on different coordinates (own derivation).

        Where rand_k scales, 1 - omega if that is positive; None where the second compressor has no delta.
        """
        if isinstance(self.first, RandK) and self.first.unbiased:
            omega = self.omega(dim)
            return 1 - omega if omega is not None and omega < 1 else None
        one, two = self.first.delta(dim), self.then.delta(self._kept_count(dim))
        return None if one is None or two is None else one * two

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rows with the selected coordinates as `then` encodes them; uses rng, and keys mixed from it."""
        import torch

        dim = rows.shape[1]
        mask, values = self._sparsifier.keep(rows, rng)
        encoded = self.then.encode(values, _second_rng(rng))
        out = torch.zeros_like(rows).masked_scatter_(mask, encoded.values)
        return Encoded(out, None if self.bits(dim) is not None else self._message_bits(mask, encoded))

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the positions in whole bytes, then the message of `then`."""
        rng = KeyedRandom(np.array([key], dtype=np.uint64))
        mask, values = self._sparsifier.keep(row.detach().cpu().float()[None], rng)
        rest = self.then.pack(values[0], int(_second_rng(rng).keys[0]))
        if self._seeded:
            return key.to_bytes(8, "big") + rest
        positions = mask[0].nonzero()[:, 0].numpy()
        code = encode_golomb if self.positions == "golomb" else encode_fixed
        return to_bytes(code(positions, len(row))) + rest

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the row with zeros at the coordinates that were not sent."""
        import torch

        count, out = self._kept_count(dim), torch.zeros(dim)
        reader = BitReader.of(data)
        positions = self._read_positions(reader, dim, count)
        out[torch.from_numpy(positions)] = self.then.unpack(data[-(-reader.position // 8) :], count)
        return out

    @property
    def _seeded(self) -> bool:
        return isinstance(self.first, RandK) and self.first.indices == "seed"

    def _kept_count(self, dim: int) -> int:
        return self._sparsifier.kept_count(dim)

    @property
    def _sparsifier(self) -> TopK | RandK:
        assert isinstance(self.first, TopK | RandK)
        return self.first

    def _position_bits(self, dim: int) -> int:
        return SEED_BITS if self._seeded else fixed_bits(dim, self._kept_count(dim))

    def _message_bits(self, mask: Tensor, encoded: Encoded) -> Tensor:
        """Return int64 [K]: the lengths of messages, from the mask of selected coordinates and the encoded values."""
        count, dim = self._kept_count(mask.shape[1]), mask.shape[1]
        zero = mask.sum(1) * 0  # int64, on the device of the rows
        places = golomb_bits(mask, count) if self.positions == "golomb" else zero + self._position_bits(dim)
        values = encoded.bits if encoded.bits is not None else zero + (self.then.bits(count) or 0)
        return _whole_bytes(places) + values

    def _read_positions(self, reader: BitReader, dim: int, count: int) -> NDArray[np.int64]:
        import torch

        if self._seeded:
            key = int.from_bytes(np.packbits(reader.take(SEED_BITS)).tobytes(), "big")
            rng = KeyedRandom(np.array([key], dtype=np.uint64))
            mask, _ = self._sparsifier.keep(torch.zeros(1, dim), rng)
            positions: NDArray[np.int64] = mask[0].nonzero()[:, 0].numpy()
            return positions
        read = decode_golomb if self.positions == "golomb" else decode_fixed
        return read(reader, dim, count)


def _second_rng(rng: KeyedRandom) -> KeyedRandom:
    return KeyedRandom(mix_keys(rng.keys + SECOND_KEY))


def _whole_bytes(bits: Bits) -> Bits:
    return (bits + 7) // 8 * 8
