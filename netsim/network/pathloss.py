"""Path loss: dB lost over a distance; every formula refuses what it does not cover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from netsim.units import DistanceM, GainDb, check_quantities

SPEED_OF_LIGHT_MPS = 3.0e8
"""As 3GPP TR 38.901 has it."""
STATION_HEIGHT_M = 10.0
"""Of an urban micro cell, TR 38.901 Table 7.4.1-1."""


class PathLoss(Protocol):
    """Loss between a station and a device."""

    def loss_db(self, distance_m: float, frequency_hz: float) -> float:
        """Loss in dB at a horizontal distance. Raises ValueError where the formula does not cover it."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class LogDistance:
    """L(d) = L0 + 10 n log10(d / d0), whatever the frequency (L0 belongs to one).

    Defaults: 46.68 dB at 1 m and exponent 3, as ns-3 (free space at 5.15 GHz).
    """

    exponent: float = 3.0
    reference_loss: GainDb = 46.68
    reference_distance: DistanceM = 1.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if not 0 < self.exponent < math.inf:
            raise ValueError(f"exponent must be > 0, got {self.exponent}; free space has 2, cities 3 to 4")
        if self.reference_loss <= 0:
            raise ValueError(
                f"reference_loss must be > 0 dB, got {self.reference_loss:g} dB; a loss is positive"
            )

    def loss_db(self, distance_m: float, frequency_hz: float) -> float:
        """See `PathLoss`; distances below the reference distance are refused."""
        _within("log_distance", distance_m, self.reference_distance, math.inf)
        return self.reference_loss + 10.0 * self.exponent * math.log10(distance_m / self.reference_distance)

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"log-distance, exponent {self.exponent:g}"


@dataclass(frozen=True)
class UrbanMicro:
    """UMi street canyon of 3GPP TR 38.901 Table 7.4.1-1: station at 10 m, 10 m to 5 km, 0.5 to 100 GHz."""

    line_of_sight: bool = False
    device_height: DistanceM = 1.5

    def __post_init__(self) -> None:
        check_quantities(self)
        if not 1.5 <= self.device_height <= 22.5:
            raise ValueError(
                f"device_height must be 1.5 m to 22.5 m, got {self.device_height:g} m (TR 38.901)"
            )

    def loss_db(self, distance_m: float, frequency_hz: float) -> float:
        """See `PathLoss`."""
        _within("urban_micro", distance_m, 10.0, 5000.0)
        _at("urban_micro", frequency_hz, 0.5e9, 100e9)
        height_m = STATION_HEIGHT_M - self.device_height
        slope_m = math.hypot(distance_m, height_m)
        seen_db = self._seen_db(distance_m, slope_m, height_m, frequency_hz)
        if self.line_of_sight:
            return seen_db
        ghz_db = 21.3 * math.log10(frequency_hz / 1e9)
        hidden_db = 22.4 + 35.3 * math.log10(slope_m) + ghz_db - 0.3 * (self.device_height - 1.5)
        return max(seen_db, hidden_db)

    def _seen_db(self, distance_m: float, slope_m: float, height_m: float, frequency_hz: float) -> float:
        effective_m2 = (STATION_HEIGHT_M - 1.0) * (self.device_height - 1.0)
        break_m = 4.0 * effective_m2 * frequency_hz / SPEED_OF_LIGHT_MPS
        ghz_db = 20.0 * math.log10(frequency_hz / 1e9)
        if distance_m <= break_m:
            return 32.4 + 21.0 * math.log10(slope_m) + ghz_db
        bend_db = 9.5 * math.log10(break_m**2 + height_m**2)
        return 32.4 + 40.0 * math.log10(slope_m) + ghz_db - bend_db

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"38.901 UMi {'LOS' if self.line_of_sight else 'NLOS'}"


@dataclass(frozen=True)
class Macro:
    """128.1 + 37.6 log10(d / km) of 3GPP TR 36.814, plus a penetration loss that papers often forget.

    Valid for a macro station near 2 GHz: 1.5 to 2.5 GHz and 35 m to 5 km here.
    """

    penetration_loss: GainDb = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.penetration_loss < 0:
            raise ValueError(f"penetration_loss must be >= 0 dB, got {self.penetration_loss:g} dB")

    def loss_db(self, distance_m: float, frequency_hz: float) -> float:
        """See `PathLoss`."""
        _within("macro", distance_m, 35.0, 5000.0)
        _at("macro", frequency_hz, 1.5e9, 2.5e9)
        return 128.1 + 37.6 * math.log10(distance_m / 1e3) + self.penetration_loss

    def describe(self) -> str:
        """See `PathLoss`."""
        return "128.1 + 37.6 log10 d_km"


def _within(name: str, distance_m: float, least_m: float, most_m: float) -> None:
    if not least_m <= distance_m <= most_m or not math.isfinite(distance_m):
        end = f"to {most_m:g} m" if math.isfinite(most_m) else "upwards"
        raise ValueError(f"{name} covers {least_m:g} m {end}, got {distance_m:g} m")


def _at(name: str, frequency_hz: float, least_hz: float, most_hz: float) -> None:
    if not least_hz <= frequency_hz <= most_hz:
        raise ValueError(
            f"{name} covers {least_hz / 1e9:g} to {most_hz / 1e9:g} GHz, got {frequency_hz / 1e9:g} GHz; "
            "choose another carrier or path loss"
        )


PATHLOSS: dict[str, type[PathLoss]] = {"log_distance": LogDistance, "urban_micro": UrbanMicro, "macro": Macro}
