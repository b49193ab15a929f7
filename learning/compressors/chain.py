"""Two compressors in a row: the first keeps some coordinates, the second encodes the kept values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from learning.compressors.compressor import Compressor, Encoded
from learning.compressors.error_feedback import is_stateful
from learning.compressors.packing import BitReader, to_bytes
from learning.compressors.positions import (
    fixed_bits,
    fixed_code,
    golomb_bits,
    golomb_code,
    read_fixed,
    read_golomb,
)
from learning.compressors.sign import Sign
from learning.compressors.sparse_sign import SparseSign
from learning.compressors.sparsify import RandK, TopK
from learning.part_names import VALUE_NEUTRAL
from learning.rng.data_draws import mix_keys
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Bits = TypeVar("Bits", int, "Tensor")

SEED_BITS = 64
ANOTHER = np.uint64(0x9E3779B97F4A7C15)
"""Added to a row's key before it is mixed: the second part must not see the words that chose the coordinates."""


@dataclass(frozen=True)
class Chain:
    """Let `first` (top_k or rand_k) keep k coordinates and `then` encode their k values, e.g. by qsgd.

    `positions: fixed` sends indices or a bitmap, whichever is shorter at this k and d; `golomb` sends Golomb-coded
    gaps, whose size depends on them; rand_k with a shared seed sends that. They are padded to whole bytes, so that
    any code may follow. top_k, then scaled_sign, with golomb positions is sparse ternary compression
    (arXiv:1903.02891). What `first` makes of nan and inf reaches `then`.
    """

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
        values = self.then.bits(self._kept(dim))
        if values is None or self.positions == "golomb":
            return None
        return _whole_bytes(self._position_bits(dim)) + values

    def omega(self, dim: int) -> float | None:
        """Return (1 + omega_1)(1 + omega_2) - 1 if both are unbiased, else None."""
        one, two = self.first.omega(dim), self.then.omega(self._kept(dim))
        return None if one is None or two is None else (1 + one) * (1 + two) - 1

    def delta(self, dim: int) -> float | None:
        """Return delta_1 delta_2, since the errors lie on different coordinates (our derivation).

        Where rand_k scales, 1 - omega if that is positive; None where the second part has no delta.
        """
        if isinstance(self.first, RandK) and self.first.unbiased:
            omega = self.omega(dim)
            return 1 - omega if omega is not None and omega < 1 else None
        one, two = self.first.delta(dim), self.then.delta(self._kept(dim))
        return None if one is None or two is None else one * two

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rows with the kept coordinates as `then` gives them; uses the coins, and keys mixed from them."""
        import torch

        dim = rows.shape[1]
        chosen, values = self._sparsifier.keep(rows, rng)
        sent = self.then.encode(values, _second(rng))
        out = torch.zeros_like(rows).masked_scatter_(chosen, sent.values)
        return Encoded(out, None if self.bits(dim) is not None else self._coded_bits(chosen, sent))

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the positions in whole bytes, then the message of `then`."""
        rng = KeyedRandom(np.array([key], dtype=np.uint64))
        chosen, values = self._sparsifier.keep(row.detach().cpu().float()[None], rng)
        rest = self.then.pack(values[0], int(_second(rng).keys[0]))
        if self._seeded:
            return key.to_bytes(8, "big") + rest
        at = chosen[0].nonzero()[:, 0].numpy()
        code = golomb_code if self.positions == "golomb" else fixed_code
        return to_bytes(code(at, len(row))) + rest

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the row with zeros at the coordinates that did not travel."""
        import torch

        count, out = self._kept(dim), torch.zeros(dim)
        reader = BitReader.of(data)
        at = self._read_positions(reader, dim, count)
        out[torch.from_numpy(at)] = self.then.unpack(data[-(-reader.at // 8) :], count)
        return out

    @property
    def _seeded(self) -> bool:
        return isinstance(self.first, RandK) and self.first.indices == "seed"

    def _kept(self, dim: int) -> int:
        return self._sparsifier.kept(dim)

    @property
    def _sparsifier(self) -> TopK | RandK:
        assert isinstance(self.first, TopK | RandK)
        return self.first

    def _position_bits(self, dim: int) -> int:
        return SEED_BITS if self._seeded else fixed_bits(dim, self._kept(dim))

    def _coded_bits(self, chosen: Tensor, sent: Encoded) -> Tensor:
        """Return int64 [K]: the lengths of messages, from what was chosen and what `then` made of it."""
        count, dim = self._kept(chosen.shape[1]), chosen.shape[1]
        zero = chosen.sum(1) * 0  # int64, on the device of the rows
        places = golomb_bits(chosen, count) if self.positions == "golomb" else zero + self._position_bits(dim)
        values = sent.bits if sent.bits is not None else zero + (self.then.bits(count) or 0)
        return _whole_bytes(places) + values

    def _read_positions(self, reader: BitReader, dim: int, count: int) -> NDArray[np.int64]:
        import torch

        if self._seeded:
            key = int.from_bytes(np.packbits(reader.take(SEED_BITS)).tobytes(), "big")
            rng = KeyedRandom(np.array([key], dtype=np.uint64))
            drawn, _ = self._sparsifier.keep(torch.zeros(1, dim), rng)
            where: NDArray[np.int64] = drawn[0].nonzero()[:, 0].numpy()
            return where
        read = read_golomb if self.positions == "golomb" else read_fixed
        return read(reader, dim, count)


def _second(rng: KeyedRandom) -> KeyedRandom:
    return KeyedRandom(mix_keys(rng.keys + ANOTHER))


def _whole_bytes(bits: Bits) -> Bits:
    return (bits + 7) // 8 * 8
