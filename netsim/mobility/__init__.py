"""Mobility: devices move, and belong to the cell that a policy says."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsim.mobility.attachment import Attachment, BestSnr
from netsim.mobility.motions import MOTIONS, Course, Motion
from netsim.units import DistanceM, DurationS, check_quantities

__all__ = ["MOTIONS", "Course", "Mobility", "Motion"]


@dataclass(frozen=True)
class Mobility:
    """The section `mobility:`: devices move by `motion`; `handover` says to which edge server they belong.

    The tree is formed anew before each aggregation of the cloud, and below another server before each of its own; only
    whoever is not at work moves. Links have the rates of the places at the parent's last aggregation. `clearance` is
    the nearest that a device comes to a station as its path loss sees it. While nobody can be asked the cloud looks
    again every `patience`.
    """

    motion: Motion
    handover: Attachment = field(default_factory=BestSnr)
    clearance: DistanceM = 10.0
    patience: DurationS = 1.0

    def __post_init__(self) -> None:
        check_quantities(self)
