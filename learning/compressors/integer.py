"""A lossless code for sums of votes: every coordinate is a small whole number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.compressor import Encoded
from learning.compressors.packing import BitReader, field_bits, to_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from learning.rng.keyed import KeyedRandom

SLACK = 0.25  # of a step: what float32 may have added to a sum of votes on its way through a model


@dataclass(frozen=True)
class Integer:
    """Send n of a row of step * n, n in -span ... span. Source: HierSignSGD, arXiv:2602.02355, edge to cloud.

    After tau votes of +-1 a coordinate has moved by n steps with |n| <= tau and the parity of tau: span = tau
    and tau + 1 possible values. `zeros: true` is for votes whose ties count 0: every n in -span ... span.
    Encoding snaps to the nearest step * n and refuses with ValueError a row that is more than a quarter step
    away from the lattice or outside it (nan included), because the code could not carry it.
    """

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
        """False: receivers get the snapped vector, not the sender's own float sums."""
        return False

    def bits(self, dim: int) -> int:
        """Return dim ceil(log2(span + 1)), or dim ceil(log2(2 span + 1)) with zeros."""
        return dim * self._width()

    def omega(self, dim: int) -> float:
        """Return 0: exact on the lattice."""
        return 0.0

    def delta(self, dim: int) -> float:
        """Return 1: exact on the lattice."""
        return 1.0

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Return rows [K, d] snapped to the lattice; coins are unused. Raises ValueError off the lattice."""
        return Encoded(self._whole(rows).mul_(self.step), None)

    def pack(self, row: Tensor, key: int) -> bytes:
        """Return the number of each coordinate's lattice point, counted from -span."""
        import torch

        whole = self._whole(row.detach().cpu().float()[None])[0].to(torch.int64).numpy() + self.span
        return to_bytes(field_bits(whole if self.zeros else whole // 2, self._width()))

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """Return the lattice points as float32."""
        import torch

        number = BitReader.of(data).fields(dim, self._width())
        whole = (number if self.zeros else number * 2) - self.span
        return torch.from_numpy(whole.astype(np.float32)).mul_(self.step)

    def _width(self) -> int:
        return (2 * self.span if self.zeros else self.span).bit_length()

    def _whole(self, rows: Tensor) -> Tensor:
        ratio = rows / self.step
        whole = ratio.round() + 0.0
        fits = ((ratio - whole).abs() <= SLACK) & (whole.abs() <= self.span)
        if not self.zeros:
            fits &= (whole + self.span) % 2 == 0
        if not bool(fits.all()):
            self._refuse(rows, fits)
        return whole

    def _refuse(self, rows: Tensor, fits: Tensor) -> None:
        row, column = (~fits).nonzero()[0].tolist()
        value = rows[row, column].item()
        parity = "" if self.zeros else f" and the parity of {self.span}"
        raise ValueError(
            f"a coordinate must be n * {self.step} with |n| <= {self.span}{parity}, got {value} = "
            f"{value / self.step:g} steps (row {row}, coordinate {column}); use this code only for sums of "
            f"{self.span} votes of that step"
        )
