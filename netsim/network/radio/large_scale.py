"""Large-scale parameters of a station's links: distance, line of sight, path loss and shadowing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.path_loss import PathLoss
from netsim.network.radio.placement import Placement, offset_from_coordinates_m, unit_vectors
from netsim.network.radio.shadowing import Shadowing
from netsim.rng import uniforms
from netsim.topology import Node

LOS_PATH = -1
"""Path element of the line-of-sight draws; negative, so that it is no ordinal."""


@dataclass(frozen=True, slots=True)
class LargeScale:
    """The large-scale parameters of one child's link to its station; constant during a run."""

    distance_m: float
    """Horizontal."""
    los: bool
    """Line of sight; False where the path loss does not distinguish."""
    loss_db: float
    """Path loss plus shadowing, without antenna gains."""


def draw_large_scale(
    parent: Node,
    children: Sequence[Node],
    placement: Placement,
    pathloss: PathLoss,
    shadowing: Shadowing,
    frequency_hz: float,
    seed: int,
) -> list[LargeScale]:
    """Draw the large-scale parameters of all children, in their order; the same in both directions.

    The position of a child is computed from the coordinates of both ends, or else taken from the edge's `distance_m`
    (in a random direction), or else from the placement. Line of sight and shadowing are drawn once, keyed by seed,
    level and ordinal, so a deeper tree over the same devices keeps them (correlated shadowing: among the same
    siblings).

    Raises:
        ValueError: a distance is outside the range of the path loss, or shadowing makes the total loss negative; the
            message names child, distance and parent.
    """
    if not children:
        return []
    level, ordinals = children[0].level, [child.ordinal for child in children]
    offsets_m = _offsets_m(parent, children, placement, seed)
    # rounded, so that a distance given as 10 m remains 10 m
    distances_m = [round(math.hypot(x_m, y_m), 9) for x_m, y_m in offsets_m.tolist()]
    uniform = uniforms(seed, "channel", level, LOS_PATH, ordinals=ordinals)[:, 0]
    los = [bool(u < pathloss.los_probability(d)) for u, d in zip(uniform, distances_m, strict=True)]
    path_loss_db = [
        _path_loss_db(parent, child, pathloss, distance_m, frequency_hz, child_los)
        for child, distance_m, child_los in zip(children, distances_m, los, strict=True)
    ]
    shadowing_db = shadowing.draw_db(pathloss, los, offsets_m, frequency_hz, seed, level, ordinals)
    drawn = [
        LargeScale(distance_m, child_los, loss_db + float(shadow_db))
        for distance_m, child_los, loss_db, shadow_db in zip(
            distances_m, los, path_loss_db, shadowing_db, strict=True
        )
    ]
    for child, large_scale in zip(children, drawn, strict=True):
        if large_scale.loss_db < 0:
            raise ValueError(
                f"{child.name!r} would receive more power than {parent.name!r} transmits: path loss and shadowing sum "
                f"to {large_scale.loss_db:g} dB; raise the path loss or lower the shadowing's sigma"
            )
    return drawn


def check_placement_range(placement: Placement, pathloss: PathLoss, frequency_hz: float) -> None:
    """Check that the path loss covers the nearest and the farthest distance of a placement.

    Raises:
        ValueError: with both ranges and the remedy.
    """
    for distance_m in placement.distance_range_m:
        probability = pathloss.los_probability(distance_m)
        for los in {probability > 0, probability == 1}:
            try:
                pathloss.loss_db(distance_m, frequency_hz, los)
            except ValueError as error:
                near_m, far_m = placement.distance_range_m
                raise ValueError(
                    f"placement reaches from {near_m:g} m to {far_m:g} m: {error}; set placement or pathloss"
                ) from error


def _offsets_m(
    parent: Node, children: Sequence[Node], placement: Placement, seed: int
) -> NDArray[np.float64]:
    """Positions relative to the parent, m, [K, 2]."""
    level = children[0].level
    given_m = [offset_from_coordinates_m(parent, child) for child in children]
    directions = unit_vectors(seed, level, [child.ordinal for child in children])
    offsets_m = np.empty((len(children), 2))
    for row, (child, offset_m) in enumerate(zip(children, given_m, strict=True)):
        if offset_m is not None:
            offsets_m[row] = offset_m
        elif "distance_m" in child.edge:
            offsets_m[row] = child.edge["distance_m"] * directions[row]
    placed = [
        row for row, child in enumerate(children) if given_m[row] is None and "distance_m" not in child.edge
    ]
    if placed:
        offsets_m[placed] = placement.positions_m(seed, level, [children[row].ordinal for row in placed])
    return offsets_m


def _path_loss_db(
    parent: Node, child: Node, pathloss: PathLoss, distance_m: float, frequency_hz: float, los: bool
) -> float:
    try:
        return pathloss.loss_db(distance_m, frequency_hz, los)
    except ValueError as error:
        raise ValueError(
            f"{child.name!r} is {distance_m:g} m from {parent.name!r}, but {error}; "
            "move it, or choose another path loss"
        ) from error
