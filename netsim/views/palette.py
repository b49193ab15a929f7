"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008), used the same way in every figure.

A colour means a layer, but for the run's own curves; up is solid, down is dashed or hatched; grey is what
happens inside a node.
"""

from __future__ import annotations

from netsim.result import Direction

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILLION, SKY = "#D55E00", "#56B4E9"
PURPLE = "#CC79A7"
"""The run as a whole: no layer has it."""
GREY = "#868E96"
"""Readable on white and on near black; stands for no layer."""


def layer_colour(layer: int) -> str:
    """The colour of layer 1 ... N; repeats after the fifth, so figures name the layer in words too."""
    order = (BLUE, ORANGE, GREEN, VERMILLION, SKY)
    return order[(layer - 1) % len(order)]


def dash(direction: Direction) -> str:
    """Line style of a direction."""
    return "solid" if direction == "up" else "dash"


def hatch(direction: Direction) -> str:
    """Bar pattern of a direction (plotly's shape names)."""
    return "" if direction == "up" else "/"
