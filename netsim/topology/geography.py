"""Great-circle distances."""

from __future__ import annotations

import math

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth (IUGG R1 of GRS 80)."""


def great_circle_m(lat_deg: float, lon_deg: float, other_lat_deg: float, other_lon_deg: float) -> float:
    """Length of the shortest path on a sphere, m (haversine formula; within 0.6 % of the ellipsoid's)."""
    phi, other = math.radians(lat_deg), math.radians(other_lat_deg)
    difference = math.radians(other_lon_deg - lon_deg)
    half = math.sin((other - phi) / 2) ** 2
    half += math.cos(phi) * math.cos(other) * math.sin(difference / 2) ** 2
    return 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))
