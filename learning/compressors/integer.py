"""A lossless code for sums of votes: every coordinate is a small integer number of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.packing import BitReader, field_bits, to_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom

TOLERANCE = 0.25  # of a step: bound of float32 rounding errors of a model


@dataclass(frozen=True)
class Integer:
    """Send n of a row of step * n, n in -span ... span. Source: HierSignSGD, arXiv:2602.02355, edge to cloud.

    After tau votes of +-1 a coordinate has moved by n steps with |n| <= tau and the parity of tau: span = tau and tau +
    1 possible values. `zeros: true` is for votes whose ties count 0: every n in -span ... span. Encoding rounds to the
    nearest step * n. It raises ValueError for a row that is more than a quarter step away from these values or outside
    them (nan included), because the code could not represent it.
    """

    citations: ClassVar[Mapping[str, str]] = {"kazemi2026hiersignsgd": ""}

    step: float
    span: int
    zeros: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.step < float("inf"):
            raise ValueError(f"step must be positive and finite, got {self.step}; give the vote's step")
        if not 1 <= self.span < 2**24:
            raise ValueError(f"span must be 1 to {2**24 - 1}, got {self.span}; give the number of votes")

    @property
    def lossless(self) -> bool:
        """False: receivers obtain the rounded vector, not the sender's own float sums."""
        return False

    def bits(self, dim: int) -> int:
        """Return dim ceil(log2(span + 1)), or dim ceil(log2(2 span + 1)) with zeros."""
        return dim * self._width()

    def omega(self, dim: int) -> float:
        """Return 0: exact for sums of votes."""
        return 0.0

    def delta(self, dim: int) -> float:
        """Return 1: exact for sums of votes."""
        return 1.0

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return rows [K, d] rounded to multiples of the step; rng is unused. Raises ValueError for other values."""
        return Encoded(self._nearest(rows).mul_(self.step), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the integer of each coordinate, counted from -span."""
        import torch

        nearest = self._nearest(row.detach().cpu().float()[None])[0].to(torch.int64).numpy() + self.span
        return to_bytes(field_bits(nearest if self.zeros else nearest // 2, self._width()))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the multiples of the step as float32."""
        import torch

        number = BitReader.of(data).fields(dim, self._width())
        nearest = (number if self.zeros else number * 2) - self.span
        return torch.from_numpy(nearest.astype(np.float32)).mul_(self.step)

    def _width(self) -> int:
        return (2 * self.span if self.zeros else self.span).bit_length()

    def _nearest(self, rows: Tensor) -> Tensor:
        ratio = rows / self.step
        nearest = ratio.round() + 0.0
        fits = ((ratio - nearest).abs() <= TOLERANCE) & (nearest.abs() <= self.span)
        if not self.zeros:
            fits &= (nearest + self.span) % 2 == 0
        if not bool(fits.all()):
            self._raise_error(rows, fits)
        return nearest

    def _raise_error(self, rows: Tensor, fits: Tensor) -> None:
        row, column = (~fits).nonzero()[0].tolist()
        value = rows[row, column].item()
        parity = "" if self.zeros else f" and the parity of {self.span}"
        raise ValueError(
            f"a coordinate must be n * {self.step} with |n| <= {self.span}{parity}, got {value} = "
            f"{value / self.step:g} steps (row {row}, coordinate {column}); use this code only for sums of "
            f"{self.span} votes of that step"
        )
