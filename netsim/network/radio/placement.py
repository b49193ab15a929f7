"""Positions of devices relative to their station: by coordinates, by a given distance, or by a placement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.rng import uniforms
from netsim.topology import Node
from netsim.units import DistanceM, check_quantities, render

SQUARE_PATH = -3
"""Path element of the draws in a square; negative, so that it is no ordinal."""


class Placement(Protocol):
    """A model of the positions of children that have neither coordinates nor a distance."""

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """Smallest and largest possible distance, m, for checks before a run."""
        ...

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """Positions relative to the station, m, [len(ordinals), 2]; draws are keyed by level and ordinal."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Annulus:
    """Uniform between two radii: in area (as the points of a Poisson process), or in distance.

    `uniform: distance` is the d ~ U[2, 50] m of some papers (Tran et al., INFOCOM 2019); it is denser at the centre.
    """

    citations: ClassVar[Mapping[str, str]] = {"tran2019federated": ""}

    radius: tuple[DistanceM, DistanceM] = (10.0, 250.0)
    uniform: Literal["area", "distance"] = "area"

    def __post_init__(self) -> None:
        check_quantities(self)
        inner_m, outer_m = self.radius
        if inner_m > outer_m:
            raise ValueError(f"radius must be [inner, outer], got [{inner_m:g} m, {outer_m:g} m]; swap them")
        if self.uniform not in ("area", "distance"):
            raise ValueError(f"uniform must be area or distance, got {self.uniform!r}")

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """See `Placement`."""
        return self.radius[0], self.radius[1]

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Placement`."""
        inner_m, outer_m = self.radius
        if self.uniform == "area":
            distances_m = annulus_distances_m((inner_m, outer_m), seed, level, ordinals)
        else:
            uniform = uniforms(seed, "channel", level, ordinals=ordinals)[:, 0]
            distances_m = inner_m + uniform * (outer_m - inner_m)
        return distances_m[:, None] * unit_vectors(seed, level, ordinals)

    def describe(self) -> str:
        """See `Placement`."""
        near, far = (render(radius_m, "distance") for radius_m in self.radius)
        return f"{near} to {far}" + ("" if self.uniform == "area" else ", uniform in distance")


@dataclass(frozen=True)
class Disc:
    """Uniform in area around the station, but no device nearer than the clearance.

    Default clearance: 10 m, the smallest distance of TR 38.901 (TR 36.814 keeps 35 m from macro stations).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": "", "3gpp36814": ""}

    radius: DistanceM = 250.0
    clearance: DistanceM = 10.0

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_clearance("radius", self.radius, self.clearance, self.radius)

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """See `Placement`."""
        return self.clearance, self.radius

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Placement`."""
        distances_m = annulus_distances_m((self.clearance, self.radius), seed, level, ordinals)
        return distances_m[:, None] * unit_vectors(seed, level, ordinals)

    def describe(self) -> str:
        """See `Placement`."""
        return f"disc of {render(self.radius, 'distance')}"


@dataclass(frozen=True)
class Grid:
    """The cell centres of a square grid with the station on a corner, nearest cells first; deterministic.

    The k-th child of a station is at the centre of the k-th cell, so the nearest are spacing/sqrt(2) away.
    """

    spacing: DistanceM = 25.0

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """See `Placement`; the largest depends on the number of children, so only the nearest cells count."""
        return self.spacing / math.sqrt(2.0), self.spacing / math.sqrt(2.0)

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Placement`."""
        # the disc of the nearest cells lies inside this square
        side = math.ceil(math.sqrt(len(ordinals))) + 2
        steps = np.arange(-side, side) + 0.5
        x, y = (axis.ravel() for axis in np.meshgrid(steps, steps))
        nearest = np.lexsort((x, y, x**2 + y**2))[: len(ordinals)]
        return np.asarray(self.spacing * np.column_stack((x, y))[nearest], dtype=np.float64)

    def describe(self) -> str:
        """See `Placement`."""
        return f"grid of {render(self.spacing, 'distance')}"


@dataclass(frozen=True)
class Ppp:
    """A Poisson point process in a square centred at the station, conditioned on the number of points.

    Given their number the points are independent and uniform; a point nearer than the clearance is drawn again.
    """

    side: DistanceM = 500.0
    clearance: DistanceM = 10.0

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_clearance("side", self.side, self.clearance, self.side / 2.0)

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """See `Placement`; the largest distance is that of the corners."""
        return self.clearance, self.side / math.sqrt(2.0)

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Placement`; the n-th draw of a child is keyed by n."""
        positions_m = np.zeros((len(ordinals), 2))
        pending, attempt = np.arange(len(ordinals)), 0
        while pending.size:
            some = [ordinals[row] for row in pending.tolist()]
            uniform = uniforms(seed, "channel", level, SQUARE_PATH, attempt, ordinals=some)[:, :2]
            positions_m[pending] = (uniform - 0.5) * self.side
            near = np.hypot(positions_m[pending, 0], positions_m[pending, 1]) < self.clearance
            pending = pending[near]
            attempt += 1
        return positions_m

    def describe(self) -> str:
        """See `Placement`."""
        return f"square of {render(self.side, 'distance')}"


@dataclass(frozen=True)
class Distances:
    """A given distance for each child of the layer, in the order of its level, in random (keyed) directions."""

    distances: tuple[DistanceM, ...]

    def __post_init__(self) -> None:
        check_quantities(self)
        if not self.distances:
            raise ValueError("distances must name at least one distance, got none; write e.g. [50 m, 120 m]")

    @property
    def distance_range_m(self) -> tuple[float, float]:
        """See `Placement`."""
        return min(self.distances), max(self.distances)

    def positions_m(self, seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
        """See `Placement`. Raises ValueError for a child beyond the list."""
        if max(ordinals, default=0) >= len(self.distances):
            raise ValueError(
                f"distances must have one distance for every child of the layer, got {len(self.distances)}, "
                f"but there is a child {max(ordinals)} (counted from 0); add distances"
            )
        distances_m = np.array([self.distances[ordinal] for ordinal in ordinals])
        return distances_m[:, None] * unit_vectors(seed, level, ordinals)

    def describe(self) -> str:
        """See `Placement`."""
        near, far = (render(distance_m, "distance") for distance_m in self.distance_range_m)
        return f"stated distances, {near} to {far}"


def offset_from_coordinates_m(parent: Node, child: Node) -> tuple[float, float] | None:
    """The child's position relative to its parent, m, if both have coordinates; None if the child has none.

    Raises ValueError if only the child has coordinates, which would have no effect.
    """
    if parent.x_m is None and child.x_m is not None and "distance_m" not in child.edge:
        raise ValueError(
            f"{child.name!r} has coordinates, but its parent {parent.name!r} has none; give {parent.name!r} x_m and y_m"
        )
    if parent.x_m is None or parent.y_m is None or child.x_m is None or child.y_m is None:
        return None
    return child.x_m - parent.x_m, child.y_m - parent.y_m


def distance_m(parent: Node, child: Node) -> float | None:
    """Distance by coordinates if both ends have them, else the edge's `distance_m`, else None; m."""
    offset_m = offset_from_coordinates_m(parent, child)
    return child.edge.get("distance_m") if offset_m is None else math.hypot(*offset_m)


def annulus_distances_m(
    radius: tuple[float, float], seed: int, level: int, ordinals: Sequence[int]
) -> NDArray[np.float64]:
    """Distances of points uniform in area between two radii, m, [len(ordinals)], keyed by level and ordinal."""
    inner_m, outer_m = radius
    uniform = uniforms(seed, "channel", level, ordinals=ordinals)[:, 0]
    return np.asarray(np.sqrt(inner_m**2 + uniform * (outer_m**2 - inner_m**2)), dtype=np.float64)


def unit_vectors(seed: int, level: int, ordinals: Sequence[int]) -> NDArray[np.float64]:
    """Unit vectors in uniform directions, [len(ordinals), 2], keyed by level and ordinal."""
    angle = 2.0 * np.pi * uniforms(seed, "channel", level, ordinals=ordinals)[:, 1]
    return np.column_stack((np.cos(angle), np.sin(angle)))


def _check_clearance(field: str, size_m: float, clearance_m: float, outer_m: float) -> None:
    if clearance_m >= outer_m:
        raise ValueError(
            f"clearance must be < {outer_m:g} m with {field} {size_m:g} m, got {clearance_m:g} m; lower it"
        )


PLACEMENTS: dict[str, type[Placement]] = {
    "annulus": Annulus,
    "disc": Disc,
    "grid": Grid,
    "ppp": Ppp,
    "distances": Distances,
}
