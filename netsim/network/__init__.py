"""The network: physics of a link (channels), who shares it (media), and messages on it (links)."""

from __future__ import annotations

from netsim.network.channel import Channel
from netsim.network.constant_delay import Delay
from netsim.network.links import Downlink, LayerNetwork, Link, Ports, Sent, Transfer
from netsim.network.media import Medium
from netsim.network.message_loss import LOSSES, Loss
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import FADING, Fading
from netsim.network.radio.fading_laws import LAWS, Law
from netsim.network.radio.path_loss import PATHLOSS, PathLoss
from netsim.network.radio.placement import PLACEMENTS, Placement
from netsim.network.radio.presets import PRESETS, SOURCES
from netsim.network.radio.rate_maps import RATE_MAPS, RateMap
from netsim.network.radio.shadowing import SHADOWING, Shadowing
from netsim.network.traces.trace_sources import TRACES, Trace
from netsim.network.traces.traced_links import Traced
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
