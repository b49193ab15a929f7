"""The taus of an adaptive run as a step function of simulated time."""

from __future__ import annotations

import numpy as np

from netsim.reports.axes import base_layout, column, horizontal_axes, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.page_parts import Figure, LegendEntry, Trace
from netsim.reports.palette import layer_colour
from netsim.results.result import Result


def tau_figure(result: Result) -> Figure | None:
    """tau_1 ... tau_N over simulated time; None for a run with fixed taus or without a finished round."""
    layers = [n for n in range(1, result.depth + 1) if f"tau_{n}" in result.rounds]
    if not layers or not result.finished_rounds:
        return None
    time = horizontal_axes(result)[0]
    points = thin(len(result.rounds))
    traces = [
        _steps(time.values[points], column(result.rounds, f"tau_{n}")[points], n, time.unit) for n in layers
    ]
    legend = [LegendEntry(f"tau_{n}", "line", [layer_colour(n)], [n - 1]) for n in layers]
    ends = (column(result.rounds, f"tau_{n}") for n in layers)
    description = "; ".join(
        f"tau_{n} from {int(tau[0])} to {int(tau[-1])}" for n, tau in zip(layers, ends, strict=True)
    )
    layout = base_layout(300, time.title, "Iterations per upload")
    layout["yaxis"] |= {"rangemode": "tozero"}
    return Figure("taus", "Iterations between uploads", f"{description}.", traces, layout, legend)


def _steps(x: np.ndarray, tau: np.ndarray, layer: int, unit: str) -> Trace:
    """A step curve: the tau of a round is drawn from the end of the previous round to its own end."""
    line = {"color": layer_colour(layer), "width": 2, "shape": "vh"}
    hover = f"tau_{layer}: %{{y}} until %{{x:.4g}} {unit}<extra></extra>"
    return {
        "type": "scatter", "mode": "lines", "name": f"tau_{layer}", "x": to_json_numbers(x), "y": to_json_numbers(tau),
        "line": line, "hovertemplate": hover,
    }  # fmt: skip
