"""Large scale: how far each child of a station is, whether it is in sight, and what the way there loses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.path_loss import PathLoss
from netsim.network.radio.placement import Placement, bearings, known_offset_m
from netsim.network.radio.shadowing import Shadowing
from netsim.rng import uniforms
from netsim.topology import Node

SIGHT = -1
"""Path element of the line-of-sight draws; negative, so that it is no ordinal."""


@dataclass(frozen=True, slots=True)
class Place:
    """One child as its station hears it; fixed for a run."""

    distance_m: float
    """Horizontal."""
    sees: bool
    """Line of sight; False where the path loss does not distinguish."""
    loss_db: float
    """Path loss plus shadowing, without antenna gains."""


def places(
    parent: Node,
    children: Sequence[Node],
    placement: Placement,
    pathloss: PathLoss,
    shadowing: Shadowing,
    frequency_hz: float,
    seed: int,
) -> list[Place]:
    """Where the children are and what their links lose, in their order; the same in both directions.

    A child's place comes from coordinates of both ends, else from the edge's `distance_m` (in a keyed
    direction), else from the placement. Line of sight and shadowing are drawn once, keyed by seed, level and
    ordinal, so a deeper tree over the same devices keeps them (correlated shadowing: among the same siblings).

    Raises:
        ValueError: the path loss does not cover a child, or shadowing makes a loss negative; the message
            names child, distance and parent.
    """
    if not children:
        return []
    level, ordinals = children[0].level, [child.ordinal for child in children]
    offsets_m = _offsets_m(parent, children, placement, seed)
    away_m = [round(math.hypot(x_m, y_m), 9) for x_m, y_m in offsets_m.tolist()]  # a stated 10 m stays 10 m
    drawn = uniforms(seed, "channel", level, SIGHT, ordinals=ordinals)[:, 0]
    sees = [bool(u < pathloss.los_probability(d)) for u, d in zip(drawn, away_m, strict=True)]
    lost_db = [
        _lost_db(parent, child, pathloss, distance_m, frequency_hz, seen)
        for child, distance_m, seen in zip(children, away_m, sees, strict=True)
    ]
    extra_db = shadowing.db(pathloss, sees, offsets_m, frequency_hz, seed, level, ordinals)
    found = [
        Place(d, s, loss + float(e)) for d, s, loss, e in zip(away_m, sees, lost_db, extra_db, strict=True)
    ]
    for child, place in zip(children, found, strict=True):
        if place.loss_db < 0:
            raise ValueError(
                f"{child.name!r} would hear more than {parent.name!r} sends: path loss and shadowing sum to "
                f"{place.loss_db:g} dB; raise the path loss or lower the shadowing's sigma"
            )
    return found


def check_covered(placement: Placement, pathloss: PathLoss, frequency_hz: float) -> None:
    """Refuse a placement whose nearest or farthest place the path loss does not cover.

    Raises:
        ValueError: with both ranges and the remedy.
    """
    for distance_m in placement.reach_m:
        chance = pathloss.los_probability(distance_m)
        for seen in {chance > 0, chance == 1}:
            try:
                pathloss.loss_db(distance_m, frequency_hz, seen)
            except ValueError as error:
                near_m, far_m = placement.reach_m
                raise ValueError(
                    f"placement reaches from {near_m:g} m to {far_m:g} m: {error}; set placement or pathloss"
                ) from error


def _offsets_m(
    parent: Node, children: Sequence[Node], placement: Placement, seed: int
) -> NDArray[np.float64]:
    """Positions relative to the parent, [K, 2]."""
    level = children[0].level
    known = [known_offset_m(parent, child) for child in children]
    turned = bearings(seed, level, [child.ordinal for child in children])
    offsets_m = np.empty((len(children), 2))
    for row, (child, offset_m) in enumerate(zip(children, known, strict=True)):
        if offset_m is not None:
            offsets_m[row] = offset_m
        elif "distance_m" in child.edge:
            offsets_m[row] = child.edge["distance_m"] * turned[row]
    lost = [
        row for row, child in enumerate(children) if known[row] is None and "distance_m" not in child.edge
    ]
    if lost:
        offsets_m[lost] = placement.positions_m(seed, level, [children[row].ordinal for row in lost])
    return offsets_m


def _lost_db(
    parent: Node, child: Node, pathloss: PathLoss, distance_m: float, frequency_hz: float, seen: bool
) -> float:
    try:
        return pathloss.loss_db(distance_m, frequency_hz, seen)
    except ValueError as error:
        raise ValueError(
            f"{child.name!r} is {distance_m:g} m from {parent.name!r}, but {error}; "
            "move it, or choose another path loss"
        ) from error
