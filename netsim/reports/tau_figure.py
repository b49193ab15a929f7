"""The taus of a run that changed them under way, as steps over simulated time."""

from __future__ import annotations

import numpy as np

from netsim.reports.axes import column, horizontal_axes, layout, numbers, thin
from netsim.reports.page_parts import Figure, Legend, Trace
from netsim.reports.palette import layer_colour
from netsim.results.result import Result


def interval_figure(result: Result) -> Figure | None:
    """tau_1 ... tau_N in use, drawn up to the end of each round; None for a run whose taus were fixed."""
    layers = [n for n in range(1, result.depth + 1) if f"tau_{n}" in result.rounds]
    if not layers or not result.finished_rounds:
        return None
    time = horizontal_axes(result)[0]
    kept = thin(len(result.rounds))
    traces = [
        _steps(time.values[kept], column(result.rounds, f"tau_{n}")[kept], n, time.unit) for n in layers
    ]
    legend = [Legend(f"tau_{n}", "line", [layer_colour(n)], [n - 1]) for n in layers]
    ends = (column(result.rounds, f"tau_{n}") for n in layers)
    says = "; ".join(
        f"tau_{n} from {int(tau[0])} to {int(tau[-1])}" for n, tau in zip(layers, ends, strict=True)
    )
    frame = layout(300, time.title, "Iterations per upload")
    frame["yaxis"] |= {"rangemode": "tozero"}
    return Figure("taus", "Iterations between uploads", f"{says}.", traces, frame, legend)


def _steps(x: np.ndarray, tau: np.ndarray, layer: int, unit: str) -> Trace:
    """A round's tau holds from the end of the round before it to its own."""
    line = {"color": layer_colour(layer), "width": 2, "shape": "vh"}
    hover = f"tau_{layer}: %{{y}} until %{{x:.4g}} {unit}<extra></extra>"
    return {
        "type": "scatter", "mode": "lines", "name": f"tau_{layer}", "x": numbers(x), "y": numbers(tau),
        "line": line, "hovertemplate": hover,
    }  # fmt: skip
