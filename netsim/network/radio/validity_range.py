"""Range checks of path loss models: distances, carriers and heights outside the range are errors."""

from __future__ import annotations

import math


def check_distance(name: str, distance_m: float, least_m: float, most_m: float) -> None:
    """Check that a horizontal distance is in [least_m, most_m]. Raises ValueError with the range."""
    if not least_m <= distance_m <= most_m or not math.isfinite(distance_m):
        end = f"to {most_m:g} m" if math.isfinite(most_m) else "upwards"
        raise ValueError(f"{name} covers {least_m:g} m {end}, got {distance_m:g} m")


def check_carrier(name: str, frequency_hz: float, least_hz: float, most_hz: float) -> None:
    """Check that a carrier is in [least_hz, most_hz]. Raises ValueError with the range."""
    if not least_hz <= frequency_hz <= most_hz:
        raise ValueError(
            f"{name} covers {least_hz / 1e9:g} to {most_hz / 1e9:g} GHz, got {frequency_hz / 1e9:g} GHz; "
            "choose another carrier or path loss"
        )


def check_length(name: str, field: str, value_m: float, least_m: float, most_m: float) -> None:
    """Check that a height or width is in [least_m, most_m]. Raises ValueError naming model and field."""
    if not least_m <= value_m <= most_m:
        raise ValueError(f"{field} of {name} must be {least_m:g} m to {most_m:g} m, got {value_m:g} m")
