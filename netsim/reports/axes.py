"""What curves can be drawn against, layouts shared by all plots, and how many points are enough."""

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

ENOUGH = 1000
"""Points per curve; more only make the page heavy."""


BAR = {
    "orientation": "h",
    "thickness": 12,
    "outlinewidth": 0,
    "y": 0,
    "yref": "container",
    "yanchor": "bottom",
}
"""A colour bar below a plot: beside it there is no room on a phone."""


@dataclass(frozen=True)
class Axis:
    """A horizontal axis: its name on the chooser, its title with the unit, one value per row of `rounds`."""

    label: str
    title: str
    values: NDArray[np.float64]
    unit: str


def horizontal_axes(result: Result) -> list[Axis]:
    """Simulated time, rounds, local steps, uplink bits, total bits and energy where it was counted."""
    rounds = result.rounds
    time_s, up = column(rounds, "sim_time_s"), payload(result, "up")
    total = up + payload(result, "down")
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
        spent = column(rounds, "energy_j")
        axes.append(_scaled("Energy", "Energy of all nodes", spent, formatting.joule_scale(_largest(spent))))
    return axes


def column(frame: DataFrame, name: str) -> NDArray[np.float64]:
    """A column as float64."""
    values: NDArray[np.float64] = frame[name].to_numpy(dtype=np.float64)
    return values


def payload(result: Result, direction: Direction) -> NDArray[np.float64]:
    """Payload bits sent so far, all layers together, one value per row of `rounds`."""
    total = np.zeros(len(result.rounds))
    for layer in range(1, result.depth + 1):
        total += column(result.rounds, f"bits_{direction}_{layer}")
    return total


def thin(count: int, most: int = ENOUGH) -> NDArray[np.int64]:
    """At most `most` evenly spread positions among `count`, the first and the last included."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.int64))


def numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Six digits for JSON, which has no NaN and no infinity."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]


def decades(low: float, high: float, most: int = 6) -> dict[str, Any]:
    """A logarithmic axis of bits from `low` to `high`, its ticks written as people say them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    powers = range(first, last + 1, math.ceil((last - first + 1) / most))
    ticks = {
        "tickvals": [10.0**power for power in powers],
        "ticktext": [formatting.bits(10.0**p) for p in powers],
    }
    return {"type": "log", "tickmode": "array", "range": [first - 0.1, last + 0.1], **ticks}


def layout(height: int, x_title: str, y_title: str | None = None) -> dict[str, Any]:
    """Margins, titles and ticks of every plot; the page's script adds the colours of its theme."""
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
