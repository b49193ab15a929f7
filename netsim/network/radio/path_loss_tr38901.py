"""Path loss of 3GPP TR 38.901: street canyon (UMi), urban (UMa) and rural macro cells (RMa), LOS and NLOS.

Formulas: Table 7.4.1-1; line-of-sight probability: Table 7.4.2-1; decorrelation distances: Table 7.5-6. Distances are
horizontal (d_2D); d_3D includes the height difference of the antennas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from netsim.network.radio.validity_range import check_carrier, check_distance, check_length
from netsim.units import DistanceM, check_quantities

LosState = Literal["los", "nlos", "random"]

SPEED_OF_LIGHT_MPS = 3.0e8
"""The value used in TR 38.901."""
MICRO_STATION_M = 10.0
"""Height of every UMi station; the formulas are valid for no other."""
MACRO_STATION_M = 25.0
"""Height of every UMa station; the formulas are valid for no other."""
SURROUNDINGS_M = 1.0
"""Effective environment height h_E of UMi, and of UMa up to 13 m of device height."""


@dataclass(frozen=True)
class UrbanMicro:
    """UMi street canyon: station at 10 m, distances 10 m to 5 km, 0.5 to 100 GHz.

    `sight`: LOS for all devices (`los`), for none (`nlos`), or for each with the probability at its distance
    (`random`, drawn once per run).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": ""}

    sight: LosState = "random"
    device_height: DistanceM = 1.5

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_sight(self.sight)
        check_length("urban_micro", "device_height", self.device_height, 1.5, 22.5)

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        check_distance("urban_micro", distance_m, 10.0, 5000.0)
        check_carrier("urban_micro", frequency_hz, 0.5e9, 100e9)
        height_m, log_ghz = MICRO_STATION_M - self.device_height, math.log10(frequency_hz / 1e9)
        log_d = math.log10(math.hypot(distance_m, height_m))
        break_m = _break_m(MICRO_STATION_M, self.device_height, frequency_hz)
        los_db = 32.4 + 21.0 * log_d + 20.0 * log_ghz
        if distance_m > break_m:
            los_db = 32.4 + 40.0 * log_d + 20.0 * log_ghz - 9.5 * math.log10(break_m**2 + height_m**2)
        if los:
            return los_db
        return max(los_db, 22.4 + 35.3 * log_d + 21.3 * log_ghz - 0.3 * (self.device_height - 1.5))

    def los_probability(self, distance_m: float) -> float:
        """See `PathLoss`."""
        return _los_probability(self.sight, _urban_los_probability(distance_m, 36.0))

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        return 4.0 if los else 7.82

    def decorrelation_m(self, los: bool) -> float:
        """See `PathLoss`."""
        return 10.0 if los else 13.0

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"38.901 UMi {_LABELS[self.sight]}"


@dataclass(frozen=True)
class UrbanMacro:
    """UMa: station at 25 m, distances 10 m to 5 km, 0.5 to 100 GHz; `sight` as in `UrbanMicro`.

    Devices are 1.5 m to 13 m high: above 13 m the standard draws the effective environment height, which is
    not modelled.
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": ""}

    sight: LosState = "random"
    device_height: DistanceM = 1.5

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_sight(self.sight)
        check_length("urban_macro", "device_height", self.device_height, 1.5, 13.0)

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        check_distance("urban_macro", distance_m, 10.0, 5000.0)
        check_carrier("urban_macro", frequency_hz, 0.5e9, 100e9)
        height_m, ghz_db = MACRO_STATION_M - self.device_height, 20.0 * math.log10(frequency_hz / 1e9)
        log_d = math.log10(math.hypot(distance_m, height_m))
        break_m = _break_m(MACRO_STATION_M, self.device_height, frequency_hz)
        los_db = 28.0 + 22.0 * log_d + ghz_db
        if distance_m > break_m:
            los_db = 28.0 + 40.0 * log_d + ghz_db - 9.0 * math.log10(break_m**2 + height_m**2)
        if los:
            return los_db
        return max(los_db, 13.54 + 39.08 * log_d + ghz_db - 0.6 * (self.device_height - 1.5))

    def los_probability(self, distance_m: float) -> float:
        """See `PathLoss`; the factor for devices above 13 m is 1 here."""
        return _los_probability(self.sight, _urban_los_probability(distance_m, 63.0))

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        return 4.0 if los else 6.0

    def decorrelation_m(self, los: bool) -> float:
        """See `PathLoss`."""
        return 37.0 if los else 50.0

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"38.901 UMa {_LABELS[self.sight]}"


@dataclass(frozen=True)
class RuralMacro:
    """RMa: distances 10 m to 10 km with LOS and 10 m to 5 km without, 0.5 to 30 GHz; `sight` as in `UrbanMicro`.

    Defaults of the standard: station 35 m, device 1.5 m, streets 20 m wide, buildings 5 m high.
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": ""}

    sight: LosState = "random"
    device_height: DistanceM = 1.5
    station_height: DistanceM = 35.0
    street_width: DistanceM = 20.0
    building_height: DistanceM = 5.0

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_sight(self.sight)
        check_length("rural_macro", "device_height", self.device_height, 1.0, 10.0)
        check_length("rural_macro", "station_height", self.station_height, 10.0, 150.0)
        check_length("rural_macro", "street_width", self.street_width, 5.0, 50.0)
        check_length("rural_macro", "building_height", self.building_height, 5.0, 50.0)

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`."""
        check_distance(f"rural_macro {'LOS' if los else 'NLOS'}", distance_m, 10.0, 10e3 if los else 5e3)
        check_carrier("rural_macro", frequency_hz, 0.5e9, 30e9)
        slope_m = math.hypot(distance_m, self.station_height - self.device_height)
        break_m = self._break_m(frequency_hz)
        if distance_m <= break_m:
            los_db = self._near_db(slope_m, frequency_hz)
        else:
            los_db = self._near_db(break_m, frequency_hz) + 40.0 * math.log10(slope_m / break_m)
        return los_db if los else max(los_db, self._nlos_db(slope_m, frequency_hz))

    def _break_m(self, frequency_hz: float) -> float:
        heights_m2 = self.station_height * self.device_height
        return 2.0 * math.pi * heights_m2 * frequency_hz / SPEED_OF_LIGHT_MPS

    def _near_db(self, slope_m: float, frequency_hz: float) -> float:
        """PL1 of the table."""
        h = self.building_height
        free_db = 20.0 * math.log10(40.0 * math.pi * slope_m * frequency_hz / 1e9 / 3.0)
        rough = math.pow(h, 1.72)
        rough_db = min(0.03 * rough, 10.0) * math.log10(slope_m) - min(0.044 * rough, 14.77)
        return free_db + rough_db + 0.002 * math.log10(h) * slope_m

    def _nlos_db(self, slope_m: float, frequency_hz: float) -> float:
        """PL'_NLOS of the table."""
        h, log_station = self.building_height, math.log10(self.station_height)
        town_db = 161.04 - 7.1 * math.log10(self.street_width) + 7.5 * math.log10(h)
        roof_db = (24.37 - 3.7 * (h / self.station_height) ** 2) * log_station
        far_db = (43.42 - 3.1 * log_station) * (math.log10(slope_m) - 3.0)
        low_db = 3.2 * math.log10(11.75 * self.device_height) ** 2 - 4.97
        return town_db - roof_db + far_db + 20.0 * math.log10(frequency_hz / 1e9) - low_db

    def los_probability(self, distance_m: float) -> float:
        """See `PathLoss`."""
        probability = 1.0 if distance_m <= 10.0 else math.exp(-(distance_m - 10.0) / 1000.0)
        return _los_probability(self.sight, probability)

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """See `PathLoss`; with LOS 4 dB up to the break point and 6 dB beyond, without LOS 8 dB."""
        if not los:
            return 8.0
        return 4.0 if distance_m <= self._break_m(frequency_hz) else 6.0

    def decorrelation_m(self, los: bool) -> float:
        """See `PathLoss`."""
        return 37.0 if los else 120.0

    def describe(self) -> str:
        """See `PathLoss`."""
        return f"38.901 RMa {_LABELS[self.sight]}"


def _break_m(station_m: float, device_m: float, frequency_hz: float) -> float:
    """The break point distance d'_BP, beyond which the ground reflection increases the path loss exponent."""
    effective_m2 = (station_m - SURROUNDINGS_M) * (device_m - SURROUNDINGS_M)
    return 4.0 * effective_m2 * frequency_hz / SPEED_OF_LIGHT_MPS


def _urban_los_probability(distance_m: float, scale_m: float) -> float:
    if distance_m <= 18.0:
        return 1.0
    return 18.0 / distance_m + math.exp(-distance_m / scale_m) * (1.0 - 18.0 / distance_m)


def _los_probability(sight: LosState, probability: float) -> float:
    return {"los": 1.0, "nlos": 0.0, "random": probability}[sight]


def _check_sight(sight: str) -> None:
    if sight not in _LABELS:
        raise ValueError(f"sight must be one of {', '.join(_LABELS)}, got {sight!r}")


_LABELS: dict[str, str] = {"los": "LOS", "nlos": "NLOS", "random": "LOS/NLOS"}
