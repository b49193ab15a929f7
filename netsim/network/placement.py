"""Where a device is: given coordinates, a given distance, or a keyed draw in an annulus."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.luck import uniforms
from netsim.topology import Node


def known_distance_m(parent: Node, child: Node) -> float | None:
    """Distance by coordinates if both ends have them, else the edge's `distance_m`, else None."""
    if parent.x_m is None or parent.y_m is None or child.x_m is None or child.y_m is None:
        return child.edge.get("distance_m")
    return math.hypot(child.x_m - parent.x_m, child.y_m - parent.y_m)


def annulus_m(
    radius: tuple[float, float], seed: int, level: int, ordinals: Sequence[int]
) -> NDArray[np.float64]:
    """Distances of points uniform in area between two radii, [len(ordinals)], keyed by level and ordinal."""
    inner_m, outer_m = radius
    drawn = uniforms(seed, "channel", level, ordinals=ordinals)[:, 0]
    return np.asarray(np.sqrt(inner_m**2 + drawn * (outer_m**2 - inner_m**2)), dtype=np.float64)
