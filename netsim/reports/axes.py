"""Horizontal axes of curves, the base layout of all plots, and thinning of points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netsim.reports import formatting
from netsim.results.result import Direction, Result

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_POINTS = 1000
"""Points per curve; more would increase the page size without a visible difference."""


COLOUR_BAR = {
    "orientation": "h",
    "thickness": 12,
    "outlinewidth": 0,
    "y": 0,
    "yref": "container",
    "yanchor": "bottom",
}
"""A colour bar below the plot, since narrow screens have no space beside it."""


@dataclass(frozen=True)
class Axis:
    """A horizontal axis: label on the chooser, title with unit, and one value per row of the rounds table."""

    label: str
    title: str
    values: NDArray[np.float64]
    unit: str


def horizontal_axes(result: Result) -> list[Axis]:
    """Simulated time, rounds, local steps, uplink bits, total bits and, if modelled, energy."""
    rounds = result.rounds
    time_s, up = column(rounds, "sim_time_s"), cumulative_payload_bits(result, "up")
    total = up + cumulative_payload_bits(result, "down")
    axes = [
        _scaled("Simulated time", "Simulated time", time_s, formatting.time_scale(_largest(time_s))),
        Axis("Rounds", "Global rounds", column(rounds, "round"), "rounds"),
        Axis("Local steps", "Local SGD steps of a device", column(rounds, "local_steps"), "steps"),
        _scaled("Uplink bits", "Uplink payload of all layers", up, formatting.bit_scale(_largest(up))),
        _scaled(
            "Total bits", "Payload of all layers, up and down", total, formatting.bit_scale(_largest(total))
        ),
    ]
    if "energy_j" in rounds.columns:
        energy = column(rounds, "energy_j")
        axes.append(
            _scaled("Energy", "Energy of all nodes", energy, formatting.joule_scale(_largest(energy)))
        )
    return axes


def column(table: DataFrame, name: str) -> NDArray[np.float64]:
    """A column as a float64 array."""
    values: NDArray[np.float64] = table[name].to_numpy(dtype=np.float64)
    return values


def cumulative_payload_bits(result: Result, direction: Direction) -> NDArray[np.float64]:
    """Cumulative payload bits of all layers in a direction, one value per row of the rounds table."""
    total = np.zeros(len(result.rounds))
    for layer in range(1, result.depth + 1):
        total += column(result.rounds, f"bits_{direction}_{layer}")
    return total


def thin(count: int, limit: int = MAX_POINTS) -> NDArray[np.int64]:
    """At most `limit` evenly spaced indices in 0 ... count - 1, including the first and the last."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, limit)).round().astype(np.int64))


def log_axis(low: float, high: float, limit: int = 6) -> dict[str, Any]:
    """A logarithmic axis of bits from `low` to `high` with at most `limit` ticks and SI prefixes."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    powers = range(first, last + 1, math.ceil((last - first + 1) / limit))
    ticks = {
        "tickvals": [10.0**power for power in powers],
        "ticktext": [formatting.bits(10.0**p) for p in powers],
    }
    return {"type": "log", "tickmode": "array", "range": [first - 0.1, last + 0.1], **ticks}


def base_layout(height: int, x_title: str, y_title: str | None = None) -> dict[str, Any]:
    """The layout shared by all plots: margins, titles, ticks; page.js adds the theme colours."""
    y_axis: dict[str, Any] = {"automargin": True, "ticks": "outside", "ticklen": 4}
    if y_title:
        y_axis["title"] = {"text": y_title, "standoff": 8}
    x_axis = {"automargin": True, "title": {"text": x_title, "standoff": 8}, "exponentformat": "SI"}
    return {
        "height": height,
        "margin": {"l": 8, "r": 16, "t": 28, "b": 8},
        "font": {"size": 13},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": x_axis,
        "yaxis": y_axis,
    }


def _scaled(label: str, title: str, values: NDArray[np.float64], scale: formatting.Scale) -> Axis:
    return Axis(label, f"{title} ({scale.unit})", values / scale.size, scale.unit)


def _largest(values: NDArray[np.float64]) -> float:
    return float(values.max(initial=0.0))


def cost_scale(name: str, largest: float) -> formatting.Scale:
    """The unit of an axis along which `name` (of SPENDABLE) is spent."""
    if name == "sim_time_s":
        return formatting.time_scale(largest)
    if name in ("bits", "bits_up"):
        return formatting.bit_scale(largest)
    return formatting.joule_scale(largest) if name == "energy_j" else formatting.Scale(1.0, "")
