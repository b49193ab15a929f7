"""The path loss models by name; each rejects distances and carriers outside its range."""

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
    """A path loss model, with line of sight and shadowing statistics from the same source."""

    def loss_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """Path loss in dB at a horizontal distance, with (`los`) or without line of sight.

        Models that do not distinguish ignore `los`. Raises ValueError for a distance or carrier outside the range of
        the model.
        """
        ...

    def los_probability(self, distance_m: float) -> float:
        """Probability of line of sight, [0, 1]; 0 where the model does not distinguish."""
        ...

    def shadow_sigma_db(self, distance_m: float, frequency_hz: float, los: bool) -> float:
        """Standard deviation of the shadowing by the same source, dB; 0 where it has none."""
        ...

    def decorrelation_m(self, los: bool) -> float:
        """Decorrelation distance of the shadowing (to 1/e) by the same source, m; 0 where it has none."""
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
