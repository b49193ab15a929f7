"""Path loss: dB lost over a distance; every formula refuses what it does not cover."""

from __future__ import annotations

from typing import Protocol

from netsim.network.radio.path_loss_simple import FixedGain, LogDistance, Macro
from netsim.network.radio.path_loss_tr38901 import RuralMacro, UrbanMacro, UrbanMicro

__all__ = [
    "PATHLOSS",
    "FixedGain",
    "LogDistance",
    "Macro",
    "PathLoss",
    "RuralMacro",
    "UrbanMacro",
    "UrbanMicro",
]


class PathLoss(Protocol):
    """Loss between a station and a device, and what the same source says of sight and shadowing."""

    def loss_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """Loss in dB at a horizontal distance, with line of sight or without.

        Parts that do not distinguish ignore `sees`. Raises ValueError where the formula does not cover
        distance or carrier.
        """
        ...

    def los_probability(self, distance_m: float) -> float:
        """Chance of line of sight, [0, 1]; 0 where the part does not distinguish."""
        ...

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, sees: bool) -> float:
        """Standard deviation of shadowing by the same source; 0 where it has none."""
        ...

    def decorrelation_m(self, sees: bool) -> float:
        """Distance over which shadowing's correlation falls to 1/e by the same source; 0 where it has none."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


PATHLOSS: dict[str, type[PathLoss]] = {
    "log_distance": LogDistance,
    "urban_micro": UrbanMicro,
    "urban_macro": UrbanMacro,
    "rural_macro": RuralMacro,
    "macro": Macro,
    "fixed_gain": FixedGain,
}
