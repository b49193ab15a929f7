"""Shadowing: what buildings and hills add to a path loss, one normal draw in dB per child, fixed for a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.path_loss import PathLoss
from netsim.rng import normals
from netsim.units import DistanceM, GainDb, check_quantities

SHADOW = -2
"""Path element of the shadowing draws; negative, so that it is no ordinal."""
MOST_SIBLINGS = 4096
"""With correlation: the matrix is dense, K^2 numbers and K^3/3 operations."""
SAME = 1e-9
"""Correlation that two children at one place lack, so that the matrix keeps a Cholesky factor."""

Correlation = DistanceM | Literal["standard"] | None


class Shadowing(Protocol):
    """Random loss of the large scale."""

    def db(
        self,
        pathloss: PathLoss,
        sees: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """Loss on top of the path loss in dB (negative: less), shape [K], mean zero in dB.

        Args:
            pathloss: whose standard deviation and decorrelation distance may be used.
            sees: line of sight of each child.
            offsets_m: positions relative to the station, [K, 2].
            frequency_hz: the carrier.
            seed: the scenario's seed.
            level: of the children.
            ordinals: of the children; without correlation entry k depends on `ordinals[k]` alone.

        Raises:
            ValueError: correlation among more than 4096 siblings, or one that the path loss does not know.
        """
        ...


@dataclass(frozen=True)
class NoShadowing:
    """The path loss alone."""

    def db(
        self,
        pathloss: PathLoss,
        sees: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`: zeros."""
        return np.zeros(len(ordinals))


@dataclass(frozen=True)
class Standard:
    """The standard deviation that the path loss's own source gives, by line of sight (0 where it gives none).

    `correlation`: None, a distance over which siblings' correlation falls to 1/e, or `standard` for the
    path loss's own (TR 38.901 Table 7.5-6); exp(-d/d_corr) between siblings of equal sight, 0 between
    others (TR 38.901 7.4.4).
    """

    correlation: Correlation = None

    def __post_init__(self) -> None:
        _check_correlation(self)

    def db(
        self,
        pathloss: PathLoss,
        sees: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`."""
        away_m = np.hypot(offsets_m[:, 0], offsets_m[:, 1]).tolist()
        sigmas_db = np.array(
            [pathloss.shadow_sigma_db(d, frequency_hz, s) for d, s in zip(away_m, sees, strict=True)]
        )
        drawn = normals(seed, "channel", level, SHADOW, ordinals=ordinals)
        return sigmas_db * _mixed(drawn, self.correlation, pathloss, sees, offsets_m)


@dataclass(frozen=True)
class LognormalShadowing:
    """One stated standard deviation in dB for all; `correlation` as of `Standard`.

    In dB the mean is zero; averaged as linear power the mean is exp((sigma ln10/10)^2 / 2): at 8 dB a bias
    of 7.37 dB.
    """

    sigma: GainDb
    correlation: Correlation = None

    def __post_init__(self) -> None:
        _check_correlation(self)
        if not 0 <= self.sigma <= 20:
            raise ValueError(f"sigma must be 0 dB to 20 dB, got {self.sigma:g} dB; 4 to 8 dB is usual")

    def db(
        self,
        pathloss: PathLoss,
        sees: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`."""
        drawn = normals(seed, "channel", level, SHADOW, ordinals=ordinals)
        return self.sigma * _mixed(drawn, self.correlation, pathloss, sees, offsets_m)


def _mixed(
    drawn: NDArray[np.float64],
    correlation: Correlation,
    pathloss: PathLoss,
    sees: Sequence[bool],
    offsets_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Standard normals with the wanted correlation: Cholesky factor times independent draws, sight by sight."""
    if correlation is None:
        return drawn
    seen, mixed = np.asarray(sees, dtype=bool), drawn.copy()
    for sight in (True, False):
        rows = np.flatnonzero(seen == sight)
        if rows.size > 1:
            decay_m = _decay_m(correlation, pathloss, sight)
            mixed[rows] = _factor(offsets_m[rows], decay_m) @ drawn[rows]
    return np.round(mixed, 9)  # the order in which a BLAS adds shall change nothing


def _factor(offsets_m: NDArray[np.float64], decay_m: float) -> NDArray[np.float64]:
    if len(offsets_m) > MOST_SIBLINGS:
        raise ValueError(
            f"correlated shadowing takes at most {MOST_SIBLINGS} siblings of equal sight, got {len(offsets_m)}; "
            "leave correlation out or use more stations"
        )
    x_m, y_m = offsets_m[:, 0], offsets_m[:, 1]
    apart_m = np.hypot(x_m[:, None] - x_m, y_m[:, None] - y_m)
    likeness = (1.0 - SAME) * np.exp(-apart_m / decay_m)
    np.fill_diagonal(likeness, 1.0)
    return np.asarray(np.linalg.cholesky(likeness), dtype=np.float64)


def _decay_m(correlation: float | str, pathloss: PathLoss, sight: bool) -> float:
    if not isinstance(correlation, str):
        return correlation
    known_m = pathloss.decorrelation_m(sight)
    if known_m <= 0:
        raise ValueError(
            f"correlation is standard, but {pathloss.describe()} has no decorrelation distance; "
            "write one, e.g. correlation: 50 m"
        )
    return known_m


def _check_correlation(part: Standard | LognormalShadowing) -> None:
    check_quantities(part)
    given = part.correlation
    if isinstance(given, str) and given != "standard":
        raise ValueError(f"correlation must be a distance or standard, got {given!r}")
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"correlation must be finite, got {given}")


SHADOWING: dict[str, type[Shadowing]] = {
    "none": NoShadowing,
    "standard": Standard,
    "lognormal": LognormalShadowing,
}
