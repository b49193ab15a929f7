"""Network models: the rate of a link (channels), the sharing of a link (media), and messages on links."""

from __future__ import annotations

from netsim.network.channel import Channel
from netsim.network.constant_delay import Delay
from netsim.network.links import Downlink, DownlinkMessage, LayerNetwork, Link, ParentLinks, Transfer
from netsim.network.media import Medium
from netsim.network.message_loss import LOSSES, Loss
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import FADING, Fading
from netsim.network.radio.fading_distributions import FADING_DISTRIBUTIONS, FadingDistribution
from netsim.network.radio.path_loss import PATHLOSS, PathLoss
from netsim.network.radio.placement import PLACEMENTS, Placement
from netsim.network.radio.presets import PRESET_CITATIONS, PRESETS, SOURCES
from netsim.network.radio.rate_maps import RATE_MAPS, RateMap
from netsim.network.radio.shadowing import SHADOWING, Shadowing
from netsim.network.traces.trace_sources import TRACES, Trace
from netsim.network.traces.traced_links import Traced
from netsim.network.wired import Wired

__all__ = [
    "FADING",
    "FADING_DISTRIBUTIONS",
    "LOSSES",
    "NETWORKS",
    "PATHLOSS",
    "PLACEMENTS",
    "PRESETS",
    "PRESET_CITATIONS",
    "RATE_MAPS",
    "SHADOWING",
    "SOURCES",
    "TRACES",
    "Cell",
    "Channel",
    "Delay",
    "Downlink",
    "DownlinkMessage",
    "Fading",
    "FadingDistribution",
    "LayerNetwork",
    "Link",
    "Loss",
    "Medium",
    "ParentLinks",
    "PathLoss",
    "Placement",
    "RateMap",
    "Shadowing",
    "Trace",
    "Traced",
    "Transfer",
    "Wired",
]

NETWORKS: dict[str, type[LayerNetwork]] = {"cell": Cell, "wired": Wired, "delay": Delay, "traced": Traced}
