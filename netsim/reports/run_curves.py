"""Lines over a run: accuracy and loss against an axis of choice, and the bits each layer has sent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsim.reports import formatting
from netsim.reports.axes import Axis, column, decades, horizontal_axes, layout, numbers, thin
from netsim.reports.page_parts import Change, Chooser, Figure, Legend, Trace
from netsim.reports.palette import PURPLE, dash, layer_colour
from netsim.results.result import Direction, Metric, Result

_TITLES = {"accuracy": ("Accuracy", "Accuracy on the test set (share)"), "loss": ("Loss", "Loss")}
_MARKED = 60  # with fewer points than this each one is marked: a reader sees where the model was evaluated


def metric_curve(result: Result, metric: Metric) -> Figure | None:
    """Accuracy or loss against the axis chosen with `axis_chooser`; None if evaluated less than twice."""
    values = column(result.rounds, metric)
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2:
        return None
    rows = rows[thin(len(rows))]
    axes = horizontal_axes(result)
    title, y_title = _TITLES[metric]
    trace = _line(axes[0].values[rows], values[rows], title, PURPLE)
    trace["customdata"] = column(result.rounds, "round")[rows].astype(int).tolist()
    first, last = formatting.digits(float(values[rows[0]])), formatting.digits(float(values[rows[-1]]))
    says = f"{title} from {first} at the start to {last} at the end of the run."
    changes = [_onto(axis, rows) for axis in axes]
    trace["hovertemplate"] = changes[0].traces["hovertemplate"]
    frame = layout(340, axes[0].title, y_title)
    return Figure(metric, title, says, [trace], frame, changes={"axis": changes})


def axis_chooser(result: Result) -> Chooser:
    """What accuracy and loss are drawn against."""
    return Chooser("axis", "Against", [axis.label for axis in horizontal_axes(result)])


def traffic(result: Result) -> Figure | None:
    """Payload bits each layer has sent so far in each direction over simulated time; None without rounds."""
    if not result.finished_rounds:
        return None
    time, kept = horizontal_axes(result)[0], thin(len(result.rounds))
    sent = _sent(result)
    scale = formatting.bit_scale(max(float(values[-1]) for values in sent.values()))
    hover = f"%{{y:.4g}} {scale.unit} at %{{x:.4g}} {time.unit}<extra></extra>"
    traces: list[Trace] = []
    legend: list[Legend] = []
    for (layer, direction), values in sent.items():
        name, colour = f"layer {layer} {direction}", layer_colour(layer)
        trace = _line(time.values[kept], values[kept] / scale.size, name, colour)
        trace["line"]["dash"] = dash(direction)
        trace["hovertemplate"] = f"{name}: {hover}"
        legend.append(Legend(name, "line" if direction == "up" else "dashes", [colour], [len(traces)]))
        traces.append(trace)
    says = "Payload sent: " + ", ".join(
        f"layer {n} {w} {formatting.bits(v[-1])}" for (n, w), v in sent.items()
    )
    frame = layout(360, time.title, f"Payload sent so far ({scale.unit})")
    changes = {"bits": _linear_or_log(list(sent.values()), scale)}
    return Figure("traffic", "Bits sent so far", f"{says}.", traces, frame, legend, changes)


def scale_chooser() -> Chooser:
    """Layers differ by powers of ten: linear shows who sends most, logarithmic shows them all."""
    return Chooser("bits", "Scale", ["Linear", "Logarithmic"])


def _line(x: NDArray[np.float64], y: NDArray[np.float64], name: str, colour: str) -> Trace:
    mode = "lines+markers" if len(y) <= _MARKED else "lines"
    style: dict[str, Any] = {"line": {"color": colour, "width": 2}, "marker": {"color": colour, "size": 5}}
    return {"type": "scatter", "mode": mode, "name": name, "x": numbers(x), "y": numbers(y), **style}


def _onto(axis: Axis, rows: NDArray[np.int64]) -> Change:
    hover = f"%{{y:.4g}} at %{{x:.4g}} {axis.unit}, round %{{customdata}}<extra></extra>"
    traces = {"x": [numbers(axis.values[rows])], "hovertemplate": hover}
    return Change(traces, {"xaxis.title.text": axis.title, "xaxis.autorange": True})


def _sent(result: Result) -> dict[tuple[int, Direction], NDArray[np.float64]]:
    ways: tuple[Direction, Direction] = ("up", "down")
    keys = [(layer, way) for layer in range(1, result.depth + 1) for way in ways]
    return {(n, way): column(result.rounds, f"bits_{way}_{n}") for n, way in keys}


def _linear_or_log(curves: list[NDArray[np.float64]], scale: formatting.Scale) -> list[Change]:
    positive = np.concatenate([values[values > 0] for values in curves])
    title = f"Payload sent so far ({scale.unit})"
    linear = {"type": "linear", "tickmode": "auto", "autorange": True, "title.text": title}
    if not len(positive):
        return [Change(layout=_axis_y(linear)), Change(layout=_axis_y(linear))]
    log = decades(float(positive.min()), float(positive.max()))
    # Curves are drawn in the unit of the linear axis; ticks and range follow them.
    shift = float(np.log10(scale.size))
    log["tickvals"] = [value / scale.size for value in log["tickvals"]]
    log["range"] = [end - shift for end in log["range"]]
    return [
        Change(layout=_axis_y(linear)),
        Change(layout=_axis_y({**log, "autorange": False, "title.text": "Payload sent so far"})),
    ]


def _axis_y(settings: dict[str, Any]) -> dict[str, Any]:
    return {f"yaxis.{name}": value for name, value in settings.items()}
