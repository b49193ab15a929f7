"""The network: physics of a link (channels), who shares it (media), and messages on it (links)."""

from __future__ import annotations

from netsim.network.cell import Cell
from netsim.network.channels import Channel
from netsim.network.links import Downlink, LayerNetwork, Link, Ports, Sent, Transfer
from netsim.network.media import Medium
from netsim.network.pathloss import PATHLOSS, PathLoss
from netsim.network.wired import Wired

__all__ = [
    "NETWORKS",
    "PATHLOSS",
    "Cell",
    "Channel",
    "Downlink",
    "LayerNetwork",
    "Link",
    "Medium",
    "PathLoss",
    "Ports",
    "Sent",
    "Transfer",
    "Wired",
]

NETWORKS: dict[str, type[LayerNetwork]] = {"cell": Cell, "wired": Wired}
