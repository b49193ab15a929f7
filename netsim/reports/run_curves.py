"""Curves over a run: accuracy and loss over a selectable axis, and cumulative bits of each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.reports import formatting
from netsim.reports.axes import Axis, base_layout, column, horizontal_axes, log_axis, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.page_parts import Change, Chooser, Figure, LegendEntry, Trace
from netsim.reports.palette import PURPLE, layer_colour, line_dash
from netsim.results.result import Direction, Metric, Result

_TITLES = {"accuracy": ("Accuracy", "Accuracy on the test set (share)"), "loss": ("Loss", "Loss")}
_MARKED = 60  # curves with fewer points have markers at the evaluations


def metric_figure(result: Result, metric: Metric) -> Figure | None:
    """Accuracy or loss over the axis selected with `axis_chooser`; None with fewer than two evaluations."""
    values = column(result.rounds, metric)
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2:
        return None
    rows = rows[thin(len(rows))]
    axes = horizontal_axes(result)
    title, y_title = _TITLES[metric]
    trace = _line(axes[0].values[rows], values[rows], title, PURPLE)
    trace["customdata"] = column(result.rounds, "round")[rows].astype(int).tolist()
    first, last = formatting.number(float(values[rows[0]])), formatting.number(float(values[rows[-1]]))
    description = f"{title} from {first} at the start to {last} at the end of the run."
    changes = [_change_to_axis(axis, rows) for axis in axes]
    trace["hovertemplate"] = changes[0].traces["hovertemplate"]
    layout = base_layout(340, axes[0].title, y_title)
    return Figure(metric, title, description, [trace], layout, changes={"axis": changes})


def axis_chooser(result: Result) -> Chooser:
    """The chooser of the horizontal axis of accuracy and loss."""
    return Chooser("axis", "Horizontal axis", [axis.label for axis in horizontal_axes(result)])


def traffic_figure(result: Result) -> Figure | None:
    """Cumulative payload bits of each layer and direction over simulated time; None without a finished round."""
    if not result.finished_rounds:
        return None
    time, points = horizontal_axes(result)[0], thin(len(result.rounds))
    sent = _cumulative_bits(result)
    scale = formatting.bit_scale(max(float(values[-1]) for values in sent.values()))
    hover = f"%{{y:.4g}} {scale.unit} at %{{x:.4g}} {time.unit}<extra></extra>"
    traces: list[Trace] = []
    legend: list[LegendEntry] = []
    for (layer, direction), values in sent.items():
        name, colour = f"layer {layer} {direction}", layer_colour(layer)
        trace = _line(time.values[points], values[points] / scale.size, name, colour)
        trace["line"]["dash"] = line_dash(direction)
        trace["hovertemplate"] = f"{name}: {hover}"
        legend.append(LegendEntry(name, "line" if direction == "up" else "dashes", [colour], [len(traces)]))
        traces.append(trace)
    description = "Payload sent: " + ", ".join(
        f"layer {layer} {direction} {formatting.bits(values[-1])}"
        for (layer, direction), values in sent.items()
    )
    layout = base_layout(360, time.title, f"Cumulative payload ({scale.unit})")
    changes = {"bits": _linear_or_log(list(sent.values()), scale)}
    return Figure("traffic", "Cumulative bits sent", f"{description}.", traces, layout, legend, changes)


def scale_chooser() -> Chooser:
    """The chooser of a linear or logarithmic scale; layers may differ by orders of magnitude."""
    return Chooser("bits", "Scale", ["Linear", "Logarithmic"])


def _line(x: NDArray[np.float64], y: NDArray[np.float64], name: str, colour: str) -> Trace:
    mode = "lines+markers" if len(y) <= _MARKED else "lines"
    style: dict[str, Any] = {"line": {"color": colour, "width": 2}, "marker": {"color": colour, "size": 5}}
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": to_json_numbers(x),
        "y": to_json_numbers(y),
        **style,
    }


def _change_to_axis(axis: Axis, rows: NDArray[np.int64]) -> Change:
    hover = f"%{{y:.4g}} at %{{x:.4g}} {axis.unit}, round %{{customdata}}<extra></extra>"
    traces = {"x": [to_json_numbers(axis.values[rows])], "hovertemplate": hover}
    return Change(traces, {"xaxis.title.text": axis.title, "xaxis.autorange": True})


def _cumulative_bits(result: Result) -> dict[tuple[int, Direction], NDArray[np.float64]]:
    directions: tuple[Direction, Direction] = ("up", "down")
    keys = [(layer, direction) for layer in range(1, result.depth + 1) for direction in directions]
    return {
        (layer, direction): column(result.rounds, f"bits_{direction}_{layer}") for layer, direction in keys
    }


def _linear_or_log(curves: list[NDArray[np.float64]], scale: formatting.Scale) -> list[Change]:
    positive = np.concatenate([values[values > 0] for values in curves])
    title = f"Cumulative payload ({scale.unit})"
    linear = {"type": "linear", "tickmode": "auto", "autorange": True, "title.text": title}
    if not len(positive):
        return [Change(layout=_axis_y(linear)), Change(layout=_axis_y(linear))]
    log = log_axis(float(positive.min()), float(positive.max()))
    # Curves are in the unit of the linear axis, so ticks and range are converted to it.
    shift = float(np.log10(scale.size))
    log["tickvals"] = [value / scale.size for value in log["tickvals"]]
    log["range"] = [end - shift for end in log["range"]]
    return [
        Change(layout=_axis_y(linear)),
        Change(layout=_axis_y({**log, "autorange": False, "title.text": "Cumulative payload"})),
    ]


def _axis_y(settings: dict[str, Any]) -> dict[str, Any]:
    return {f"yaxis.{name}": value for name, value in settings.items()}
