"""Simple path loss models: log-distance, the 128.1 + 37.6 log10 macro formula, and a fixed gain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netsim.network.radio.validity_range import check_carrier, check_distance
from netsim.units import DistanceM, GainDb, check_quantities


class DistanceOnlyPathLoss:
    """A path loss without line of sight and shadowing statistics of its own."""

    def los_probability(self, distance_m: float) -> float:
        """See `PathLoss`: not distinguished."""
        return 0.0

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`: none."""
        return 0.0

    def decorrelation_m(self, los: bool) -> float:
        """See `PathLoss`: none."""
        return 0.0


@dataclass(frozen=True)
class LogDistance(DistanceOnlyPathLoss):
    """L(d) = L0 + 10 n log10(d / d0), independent of the frequency (L0 is measured at one).

    Defaults: 46.68 dB at 1 m and exponent 3, as in ns-3 (free space at 5.15 GHz). A paper's gain g0 d^-n is
    `reference_loss: -10 log10(g0)` at 1 m: Tran et al. (INFOCOM 2019, code) have 40 dB and exponent 4.
    """

    citations: ClassVar[Mapping[str, str]] = {"tran2019federated": ""}

    exponent: float = 3.0
    reference_loss: GainDb = 46.68
    reference_distance: DistanceM = 1.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if not 0 < self.exponent < math.inf:
            raise ValueError(f"exponent must be > 0, got {self.exponent}; free space has 2, cities 3 to 4")
        if self.reference_loss < 0:
            raise ValueError(
                f"reference_loss must be >= 0 dB, got {self.reference_loss:g} dB; a loss is positive"
            )

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`; a distance below the reference distance is an error."""
        check_distance("log_distance", distance_m, self.reference_distance, math.inf)
        return self.reference_loss + 10.0 * self.exponent * math.log10(distance_m / self.reference_distance)

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"log-distance, exponent {self.exponent:g}"


@dataclass(frozen=True)
class Macro(DistanceOnlyPathLoss):
    """128.1 + 37.6 log10(d / km) of 3GPP TR 36.814, plus a penetration loss (which many papers omit).

    Valid for a macro station near 2 GHz: here 1.5 to 2.5 GHz and 35 m to 5 km. Shadowing by the same source:
    8 dB, decorrelation distance 50 m (Table A.2.1.1-1).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp36814": ""}

    penetration_loss: GainDb = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.penetration_loss < 0:
            raise ValueError(f"penetration_loss must be >= 0 dB, got {self.penetration_loss:g} dB")

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        check_distance("macro", distance_m, 35.0, 5000.0)
        check_carrier("macro", frequency_hz, 1.5e9, 2.5e9)
        return 128.1 + 37.6 * math.log10(distance_m / 1e3) + self.penetration_loss

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        return 8.0

    def decorrelation_m(self, los: bool) -> float:
        """See `PathLoss`."""
        return 50.0

    def describe(self) -> str:
        """See `PathLoss`."""
        return "128.1 + 37.6 log10 d_km"


@dataclass(frozen=True)
class FixedGain(DistanceOnlyPathLoss):
    """A fixed gain at every distance and carrier, for comparison with papers (h = 1e-8 is -80 dB).

    `gain` is negative or 0: received over transmitted power, in dB.
    """

    gain: GainDb

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.gain > 0:
            raise ValueError(
                f"gain must be <= 0 dB, got {self.gain:g} dB; a channel attenuates: write a loss of 80 dB as -80 dB"
            )

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`; only a distance that is not a number >= 0 is an error."""
        check_distance("fixed_gain", distance_m, 0.0, math.inf)
        return -self.gain

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"fixed gain {self.gain:g} dB"
