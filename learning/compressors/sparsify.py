"""Sparsification: k of d coordinates are sent, the largest ones or a keyed random selection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.packing import BitReader, field_bits, float_bits, to_bytes
from learning.compressors.positions import index_width
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class TopK:
    """Send value and index of the k coordinates of largest magnitude, of equal ones those of lowest index.

    Give exactly one of `fraction` (of d, in (0, 1], rounded to the nearest k >= 1) and `k`. A nan counts as
    largest. Biased; meant to be used with error feedback. Source: arXiv:1809.07599.
    """

    citations: ClassVar[Mapping[str, str]] = {"stich2018sparsified": ""}

    fraction: float | None = None
    k: int | None = None

    def __post_init__(self) -> None:
        check_count(self.fraction, self.k)

    @property
    def lossless(self) -> bool:
        """False: d - k coordinates are dropped."""
        return False

    def bits(self, dim: int) -> int:
        """Return k (32 + ceil(log2 dim))."""
        return kept_count(dim, self.fraction, self.k) * (32 + index_width(dim))

    def omega(self, dim: int) -> float | None:
        """Return None: biased."""
        return None

    def delta(self, dim: int) -> float:
        """Return k / dim."""
        return kept_count(dim, self.fraction, self.k) / dim

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rows with all but the k largest coordinates set to zero; rng is unused."""
        return Encoded(rows.masked_fill(~self._mask(rows), 0.0), None)

    def kept_count(self, dim: int) -> int:
        """Return k at this dimension. Raises ValueError where it is more than dim."""
        return kept_count(dim, self.fraction, self.k)

    def keep(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        """Return (mask [K, d] of the sent coordinates of rows, their values [K, k] as `encode` gives them)."""
        mask = self._mask(rows)
        return mask, rows[mask].view(len(rows), -1)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the k indices in rising order, then their values."""
        row = row.detach().cpu().float()
        return _pack_list(row, self._mask(row[None])[0])

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the row with zeros at the coordinates that were not sent."""
        return _unpack_list(data, dim, kept_count(dim, self.fraction, self.k))

    def _mask(self, rows: Tensor) -> Tensor:
        return largest_mask(rows, kept_count(rows.shape[1], self.fraction, self.k))


@dataclass(frozen=True)
class RandK:
    """Keep k coordinates drawn without replacement by the row's key: those with the k smallest words.

    Give exactly one of `fraction` (of d, in (0, 1], rounded to the nearest k >= 1) and `k`. `unbiased` scales the sent
    coordinates by d / k. `indices: seed` sends the 64-bit row key, from which the receiver draws the same coordinates;
    `indices: list` sends the indices. Source: arXiv:1809.07599; arXiv:1610.05492 (shared seed).
    """

    citations: ClassVar[Mapping[str, str]] = {"stich2018sparsified": "", "konecny2016strategies": ""}

    fraction: float | None = None
    k: int | None = None
    unbiased: bool = True
    indices: Literal["seed", "list"] = "seed"

    def __post_init__(self) -> None:
        check_count(self.fraction, self.k)
        if self.indices not in ("seed", "list"):
            raise ValueError(f"indices must be seed or list, got {self.indices!r}; choose one of these")

    @property
    def lossless(self) -> bool:
        """False: d - k coordinates are dropped."""
        return False

    def bits(self, dim: int) -> int:
        """Return 32 k + 64 with the seed, k (32 + ceil(log2 dim)) with the list."""
        count = kept_count(dim, self.fraction, self.k)
        return 32 * count + 64 if self.indices == "seed" else count * (32 + index_width(dim))

    def omega(self, dim: int) -> float | None:
        """Return dim / k - 1 (an equality for every x) if unbiased, else None."""
        return dim / kept_count(dim, self.fraction, self.k) - 1 if self.unbiased else None

    def delta(self, dim: int) -> float | None:
        """Return k / dim if biased; if unbiased 1 - omega where that is positive, else None."""
        share = kept_count(dim, self.fraction, self.k) / dim
        if not self.unbiased:
            return share
        return 2 - 1 / share if share > 0.5 else None

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return the rows with all but the drawn coordinates set to zero; uses draw 0 of the rng."""
        dim = rows.shape[1]
        if self.unbiased:
            rows = rows * (dim / kept_count(dim, self.fraction, self.k))
        return Encoded(rows.masked_fill(~self._mask(rows, rng), 0.0), None)

    def kept_count(self, dim: int) -> int:
        """Return k at this dimension. Raises ValueError where it is more than dim."""
        return kept_count(dim, self.fraction, self.k)

    def keep(self, rows: Tensor, rng: KeyedRandom) -> tuple[Tensor, Tensor]:
        """Return (mask [K, d] of the sent coordinates of rows, their values [K, k] as `encode` gives them)."""
        mask = self._mask(rows, rng)
        values = rows[mask].view(len(rows), -1)
        return mask, values * (rows.shape[1] / self.kept_count(rows.shape[1])) if self.unbiased else values

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the key or the k indices in rising order, then the (scaled) values in that order."""
        rng = KeyedRandom(np.array([key], dtype=np.uint64))
        row = row.detach().cpu().float()[None]
        mask, values = self._mask(row, rng)[0], self.encode(row, rng).values[0]
        if self.indices == "list":
            return _pack_list(values, mask)
        return key.to_bytes(8, "big") + to_bytes(float_bits(values[mask]))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the row with zeros at the coordinates that were not sent."""
        import torch

        count = kept_count(dim, self.fraction, self.k)
        if self.indices == "list":
            return _unpack_list(data, dim, count)
        out = torch.zeros(dim)
        rng = KeyedRandom(np.array([int.from_bytes(data[:8], "big")], dtype=np.uint64))
        out[self._mask(out[None], rng)[0]] = torch.from_numpy(BitReader.of(data[8:]).floats(count))
        return out

    def _mask(self, rows: Tensor, rng: KeyedRandom) -> Tensor:
        import torch

        dim = rows.shape[1]
        index = torch.arange(dim, device=rows.device)
        order = (rng.words(dim, rows) << 31) + index  # unique: equal words fall to the lower index
        last = order.topk(kept_count(dim, self.fraction, self.k), dim=1, largest=False).values.amax(
            1, keepdim=True
        )
        return order <= last


def largest_mask(rows: Tensor, count: int) -> Tensor:
    """Return bool [K, d]: the `count` largest magnitudes of each row, of equal ones those of lowest index."""
    size = rows.abs().nan_to_num_(nan=float("inf"), posinf=float("inf"))
    least = size.topk(count, dim=1).values[:, -1:]
    above, equal = size > least, size == least
    return above | (equal & (equal.cumsum(1) <= count - above.sum(1, keepdim=True)))


def kept_count(dim: int, fraction: float | None, k: int | None) -> int:
    """Return how many of dim coordinates are sent. Raises ValueError where k > dim."""
    if k is None:
        return max(1, round((fraction or 0.0) * dim))
    if k > dim:
        raise ValueError(f"k must be <= the model's {dim} parameters, got {k}; use a smaller k or a fraction")
    return k


def check_count(fraction: float | None, k: int | None) -> None:
    """Raise ValueError unless exactly one of the two is given, and in its range."""
    if (fraction is None) == (k is None):
        raise ValueError(f"exactly one of fraction and k must be given, got {fraction} and {k}; drop one")
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1], got {fraction}; 0.01 keeps one in a hundred")
    if k is not None and k < 1:
        raise ValueError(f"k must be >= 1, got {k}; at least one coordinate has to travel")


def _pack_list(values: Tensor, mask: Tensor) -> bytes:
    positions: NDArray[np.int64] = mask.nonzero()[:, 0].numpy()
    return to_bytes(field_bits(positions, index_width(len(values))), float_bits(values[mask]))


def _unpack_list(data: bytes, dim: int, count: int) -> Tensor:
    import torch

    reader = BitReader.of(data)
    positions = torch.from_numpy(reader.fields(count, index_width(dim)))
    out = torch.zeros(dim)
    out[positions] = torch.from_numpy(reader.floats(count))
    return out
