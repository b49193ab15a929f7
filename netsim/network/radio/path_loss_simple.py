"""Path losses of one line: log-distance, the 128.1 + 37.6 log10 macro formula, and a stated gain."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netsim.network.radio.validity_range import carried, within
from netsim.units import DistanceM, GainDb, check_quantities


class Plain:
    """What a path loss without line of sight or shadowing of its own answers."""

    def los_probability(self, distance_m: float) -> float:
        """See `PathLoss`: does not distinguish."""
        return 0.0

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """See `PathLoss`: none."""
        return 0.0

    def decorrelation_m(self, sees: bool) -> float:
        """See `PathLoss`: none."""
        return 0.0


@dataclass(frozen=True)
class LogDistance(Plain):
    """L(d) = L0 + 10 n log10(d / d0), whatever the frequency (L0 belongs to one).

    Defaults: 46.68 dB at 1 m and exponent 3, as ns-3 (free space at 5.15 GHz). A gain g0 d^-n of a paper is
    `reference_loss: -10 log10(g0)` at 1 m: Tran et al. (INFOCOM 2019, code) have 40 dB and exponent 4.
    """

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

    def loss_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """See `PathLoss`; distances below the reference distance are refused."""
        within("log_distance", distance_m, self.reference_distance, math.inf)
        return self.reference_loss + 10.0 * self.exponent * math.log10(distance_m / self.reference_distance)

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"log-distance, exponent {self.exponent:g}"


@dataclass(frozen=True)
class Macro(Plain):
    """128.1 + 37.6 log10(d / km) of 3GPP TR 36.814, plus a penetration loss that papers often forget.

    Valid for a macro station near 2 GHz: 1.5 to 2.5 GHz and 35 m to 5 km here. Shadowing of the same source:
    8 dB, correlated over 50 m (Table A.2.1.1-1).
    """

    penetration_loss: GainDb = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.penetration_loss < 0:
            raise ValueError(f"penetration_loss must be >= 0 dB, got {self.penetration_loss:g} dB")

    def loss_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """See `PathLoss`."""
        within("macro", distance_m, 35.0, 5000.0)
        carried("macro", frequency_hz, 1.5e9, 2.5e9)
        return 128.1 + 37.6 * math.log10(distance_m / 1e3) + self.penetration_loss

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """See `PathLoss`."""
        return 8.0

    def decorrelation_m(self, sees: bool) -> float:
        """See `PathLoss`."""
        return 50.0

    def describe(self) -> str:
        """See `PathLoss`."""
        return "128.1 + 37.6 log10 d_km"


@dataclass(frozen=True)
class FixedGain(Plain):
    """The same stated gain at every distance and carrier, for parity with papers (h = 1e-8 is -80 dB).

    `gain` is negative or 0: what arrives over what is sent, in dB.
    """

    gain: GainDb

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.gain > 0:
            raise ValueError(
                f"gain must be <= 0 dB, got {self.gain:g} dB; a channel only loses: write a loss of 80 dB as -80 dB"
            )

    def loss_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """See `PathLoss`; only a distance that is no number >= 0 is refused."""
        within("fixed_gain", distance_m, 0.0, math.inf)
        return -self.gain

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"fixed gain {self.gain:g} dB"
