"""Shadowing: log-normal loss in addition to the path loss, one draw in dB per child, constant during a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.path_loss import PathLoss
from netsim.rng import normals
from netsim.units import DistanceM, GainDb, check_quantities

SHADOWING_PATH = -2
"""Path element of the shadowing draws; negative, so that it is no ordinal."""
MAX_CORRELATED_SIBLINGS = 4096
"""Limit for correlated shadowing: the matrix is dense, K^2 numbers and K^3/3 operations."""
CORRELATION_GAP = 1e-9
"""Subtracted from the correlation of two children at the same position, so that a Cholesky factor exists."""

Correlation = DistanceM | Literal["standard"] | None


class Shadowing(Protocol):
    """A model of the shadowing."""

    def draw_db(
        self,
        pathloss: PathLoss,
        los: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """Shadowing loss in dB (negative: a gain), shape [K], mean zero in dB.

        Args:
            pathloss: the path loss model, for its standard deviation and decorrelation distance.
            los: line of sight of each child.
            offsets_m: positions relative to the station, [K, 2].
            frequency_hz: the carrier.
            seed: the scenario's seed.
            level: of the children.
            ordinals: of the children; without correlation entry k depends on `ordinals[k]` only.

        Raises:
            ValueError: correlation among more than 4096 siblings, or `standard` correlation with a path loss that
                has no decorrelation distance.
        """
        ...


@dataclass(frozen=True)
class NoShadowing:
    """No shadowing: the path loss only."""

    def draw_db(
        self,
        pathloss: PathLoss,
        los: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`: zeros."""
        return np.zeros(len(ordinals))


@dataclass(frozen=True)
class StandardShadowing:
    """The standard deviation given by the source of the path loss, by line of sight (0 where it gives none).

    `correlation`: None, a decorrelation distance (to 1/e), or `standard` for the one of the path loss
    (TR 38.901 Table 7.5-6); exp(-d/d_corr) between siblings with equal LOS state, 0 between others
    (TR 38.901 7.4.4).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": ""}

    correlation: Correlation = None

    def __post_init__(self) -> None:
        _check_correlation(self)

    def draw_db(
        self,
        pathloss: PathLoss,
        los: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`."""
        distances_m = np.hypot(offsets_m[:, 0], offsets_m[:, 1]).tolist()
        sigmas_db = np.array(
            [pathloss.shadow_sigma_db(d, frequency_hz, s) for d, s in zip(distances_m, los, strict=True)]
        )
        normal = normals(seed, "channel", level, SHADOWING_PATH, ordinals=ordinals)
        return sigmas_db * _correlate(normal, self.correlation, pathloss, los, offsets_m)


@dataclass(frozen=True)
class LognormalShadowing:
    """One standard deviation in dB for all children; `correlation` as in `StandardShadowing`.

    The mean is zero in dB; averaged as linear power it is exp((sigma ln10/10)^2 / 2): at 8 dB a bias
    of 7.37 dB.
    """

    sigma: GainDb
    correlation: Correlation = None

    def __post_init__(self) -> None:
        _check_correlation(self)
        if not 0 <= self.sigma <= 20:
            raise ValueError(f"sigma must be 0 dB to 20 dB, got {self.sigma:g} dB; 4 to 8 dB is usual")

    def draw_db(
        self,
        pathloss: PathLoss,
        los: Sequence[bool],
        offsets_m: NDArray[np.float64],
        frequency_hz: float,
        seed: int,
        level: int,
        ordinals: Sequence[int],
    ) -> NDArray[np.float64]:
        """See `Shadowing`."""
        normal = normals(seed, "channel", level, SHADOWING_PATH, ordinals=ordinals)
        return self.sigma * _correlate(normal, self.correlation, pathloss, los, offsets_m)


def _correlate(
    normal: NDArray[np.float64],
    correlation: Correlation,
    pathloss: PathLoss,
    los: Sequence[bool],
    offsets_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Standard normals with the given correlation, [K]: Cholesky factor times independent draws, per LOS state."""
    if correlation is None:
        return normal
    states, correlated = np.asarray(los, dtype=bool), normal.copy()
    for state in (True, False):
        rows = np.flatnonzero(states == state)
        if rows.size > 1:
            decorrelation_m = _decorrelation_m(correlation, pathloss, state)
            correlated[rows] = _cholesky_factor(offsets_m[rows], decorrelation_m) @ normal[rows]
    return np.round(correlated, 9)  # the result must not depend on the summation order of the BLAS


def _cholesky_factor(offsets_m: NDArray[np.float64], decorrelation_m: float) -> NDArray[np.float64]:
    if len(offsets_m) > MAX_CORRELATED_SIBLINGS:
        raise ValueError(
            f"correlated shadowing takes at most {MAX_CORRELATED_SIBLINGS} siblings of equal LOS state, got "
            f"{len(offsets_m)}; leave correlation out or use more stations"
        )
    x_m, y_m = offsets_m[:, 0], offsets_m[:, 1]
    apart_m = np.hypot(x_m[:, None] - x_m, y_m[:, None] - y_m)
    matrix = (1.0 - CORRELATION_GAP) * np.exp(-apart_m / decorrelation_m)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)


def _decorrelation_m(correlation: float | str, pathloss: PathLoss, los: bool) -> float:
    if not isinstance(correlation, str):
        return correlation
    decorrelation_m = pathloss.decorrelation_m(los)
    if decorrelation_m <= 0:
        raise ValueError(
            f"correlation is standard, but {pathloss.describe()} has no decorrelation distance; "
            "write one, e.g. correlation: 50 m"
        )
    return decorrelation_m


def _check_correlation(part: StandardShadowing | LognormalShadowing) -> None:
    check_quantities(part)
    given = part.correlation
    if isinstance(given, str) and given != "standard":
        raise ValueError(f"correlation must be a distance or standard, got {given!r}")
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"correlation must be finite, got {given}")


SHADOWING: dict[str, type[Shadowing]] = {
    "none": NoShadowing,
    "standard": StandardShadowing,
    "lognormal": LognormalShadowing,
}
