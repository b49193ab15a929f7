"""The network: physics of a link (channels), who shares it (media), and messages on it (links)."""

from __future__ import annotations

from netsim.network.cell import Cell
from netsim.network.channels import Channel
from netsim.network.delay import Delay
from netsim.network.fading import FADING, Fading
from netsim.network.laws import LAWS, Law
from netsim.network.links import Downlink, LayerNetwork, Link, Ports, Sent, Transfer
from netsim.network.loss import LOSSES, Loss
from netsim.network.media import Medium
from netsim.network.pathloss import PATHLOSS, PathLoss
from netsim.network.placement import PLACEMENTS, Placement
from netsim.network.presets import PRESETS, SOURCES
from netsim.network.ratemaps import RATE_MAPS, RateMap
from netsim.network.shadowing import SHADOWING, Shadowing
from netsim.network.traced import Traced
from netsim.network.traces import TRACES, Trace
from netsim.network.wired import Wired

__all__ = [
    "FADING",
    "LAWS",
    "LOSSES",
    "NETWORKS",
    "PATHLOSS",
    "PLACEMENTS",
    "PRESETS",
    "RATE_MAPS",
    "SHADOWING",
    "SOURCES",
    "TRACES",
    "Cell",
    "Channel",
    "Delay",
    "Downlink",
    "Fading",
    "Law",
    "LayerNetwork",
    "Link",
    "Loss",
    "Medium",
    "PathLoss",
    "Placement",
    "Ports",
    "RateMap",
    "Sent",
    "Shadowing",
    "Trace",
    "Traced",
    "Transfer",
    "Wired",
]

NETWORKS: dict[str, type[LayerNetwork]] = {"cell": Cell, "wired": Wired, "delay": Delay, "traced": Traced}
