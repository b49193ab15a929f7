"""Breakdown of the time of a round: along its critical path, and by activity of the nodes of each level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.reports import formatting
from netsim.reports.axes import base_layout, column, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.page_parts import HATCHED, Change, Chooser, Figure, LegendEntry, Swatch, Trace
from netsim.reports.palette import GREY, PURPLE, bar_pattern, layer_colour
from netsim.results.result import Direction, Result

_MAX_ROUNDS = 400  # on the slider; each adds one number per segment to the page


class Segment(NamedTuple):
    """A segment of the critical path: label, colour, direction of a transfer, and seconds in each finished round."""

    label: str
    colour: str
    direction: Direction | None
    times_s: NDArray[np.float64]


def critical_path_figure(result: Result) -> Figure | None:
    """The mean round and a selected round as stacked bars; None without a finished round."""
    segments = path_segments(result)
    if not result.finished_rounds:
        return None
    lengths = np.sum([segment.times_s for segment in segments], axis=0)
    scale = formatting.time_scale(float(lengths.max()))
    rounds = _rounds(result)
    traces = [_segment_bar(segment, scale) for segment in segments]
    legend = [LegendEntry(s.label, _swatch(s.direction), [s.colour], [i]) for i, s in enumerate(segments)]
    changes = [_show_round(segments, row, number, scale) for row, number in rounds]
    for trace, x, y, text in zip(
        traces, *(changes[0].traces[key] for key in ("x", "y", "text")), strict=True
    ):
        trace |= {"x": x, "y": y, "text": text}
    layout = base_layout(210, f"Time of a round ({scale.unit})")
    # The range is fixed, so that rounds can be compared.
    layout["xaxis"]["range"] = [0, 1.02 * float(lengths.max()) / scale.size]
    layout |= _stacked()
    parts = ", ".join(f"{s.label} {formatting.seconds(float(s.times_s.mean()))}" for s in segments)
    description = f"The mean round takes {formatting.seconds(float(lengths.mean()))}: {parts}."
    return Figure("path", "Critical path", description, traces, layout, legend, {"round": changes})


def round_chooser(result: Result) -> Chooser:
    """The slider of the round that is drawn below the mean round."""
    return Chooser("round", "Round", [f"round {number}" for _, number in _rounds(result)], "slider")


def path_segments(result: Result) -> list[Segment]:
    """The segments of a round in order: downlinks from the cloud, computation, uplinks."""
    finished = result.rounds[result.rounds["round"] > 0]
    layers = range(1, result.depth + 1)
    down = [_segment(n, "down", column(finished, f"path_down_s_{n}")) for n in reversed(layers)]
    up = [_segment(n, "up", column(finished, f"path_up_s_{n}")) for n in layers]
    between = [Segment("compute", GREY, None, column(finished, "path_compute_s"))]
    if "path_wait_s" in finished and finished["path_wait_s"].any():
        between.append(Segment("barrier", PURPLE, None, column(finished, "path_wait_s")))
    return [*down, *between, *up]


def activity_figure(result: Result) -> Figure | None:
    """Seconds of a node in each activity, mean over the nodes of a level and all rounds; None without data."""
    lower_nodes = result.nodes[
        result.nodes["level"] < result.depth
    ]  # the cloud serves its children throughout
    if not len(lower_nodes):
        return None
    means = lower_nodes.groupby("level")[list(_ACTIVITIES)].mean()
    nodes = lower_nodes.groupby("level")["node"].nunique()
    levels = [int(level) for level in means.index]
    scale = formatting.time_scale(float(means.sum(axis=1).max()))
    rows = [f"{level_name(level)} ({formatting.count(int(nodes[level]))})" for level in levels]
    traces, legend = [], []
    for index, (name, (label, direction, swatch)) in enumerate(_ACTIVITIES.items()):
        colours = [layer_colour(level + 1) if direction else GREY for level in levels]
        times = column(means, name)
        traces.append(_bar(label, colours, _PATTERNS[swatch], scale))
        traces[-1] |= {
            "x": to_json_numbers(times / scale.size),
            "y": rows,
            "text": [formatting.seconds(t) for t in times],
        }
        legend.append(LegendEntry(label, swatch, list(dict.fromkeys(colours)), [index]))
    layout = base_layout(90 + 60 * len(levels), f"Time of a round ({scale.unit})")
    layout |= _stacked()
    waiting = [
        f"{row} {formatting.seconds(float(t))}" for row, t in zip(rows, means["waiting_s"], strict=True)
    ]
    return Figure(
        "activities",
        "Activities of nodes",
        f"Waiting time per round: {', '.join(waiting)}.",
        traces,
        layout,
        legend,
    )


def level_name(level: int) -> str:
    """The name of a level: devices (0), edge servers (1), or the number of a higher level."""
    return ("devices", "edge servers")[level] if level < 2 else f"level-{level} servers"


def _rounds(result: Result) -> list[tuple[int, int]]:
    """The rounds on the slider: index among the finished rounds and round number."""
    finished = result.rounds["round"][result.rounds["round"] > 0].to_numpy()
    return [(int(row), int(finished[row])) for row in thin(len(finished), _MAX_ROUNDS)]


def _segment(layer: int, direction: Direction, times_s: NDArray[np.float64]) -> Segment:
    return Segment(f"layer {layer} {direction}link", layer_colour(layer), direction, times_s)


def _show_round(segments: list[Segment], row: int, number: int, scale: formatting.Scale) -> Change:
    pairs = [np.array([segment.times_s.mean(), segment.times_s[row]]) for segment in segments]
    names = ["mean round", f"round {number}"]
    text = [[formatting.seconds(time) for time in pair.tolist()] for pair in pairs]
    return Change(
        {"x": [to_json_numbers(p / scale.size) for p in pairs], "y": [names] * len(pairs), "text": text}
    )


def _segment_bar(segment: Segment, scale: formatting.Scale) -> Trace:
    return _bar(segment.label, segment.colour, bar_pattern(segment.direction or "up"), scale)


def _bar(label: str, colour: str | list[str], pattern: str, scale: formatting.Scale) -> Trace:
    marker = {
        "color": colour,
        "pattern": {"shape": pattern, **_PATTERN},
        "line": {"width": 0},
    }
    hover = f"{label}: %{{x:.4g}} {scale.unit} (%{{y}})<extra></extra>"
    text = {"textposition": "inside", "insidetextanchor": "middle", "textangle": 0, "hovertemplate": hover}
    bar = {"type": "bar", "orientation": "h", "name": label, "marker": marker, **text}
    return bar | ({"meta": HATCHED} if pattern else {})


def _stacked() -> dict[str, object]:
    y_axis = {"autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False}
    return {
        "barmode": "stack",
        "bargap": 0.35,
        "yaxis": y_axis,
        "uniformtext": {"minsize": 10, "mode": "hide"},
    }


def _swatch(direction: Direction | None) -> Swatch:
    return "hatch" if direction == "down" else "fill"


_PATTERN = {"size": 6, "solidity": 0.3, "fillmode": "replace", "fgopacity": 0.6}
_PATTERNS: dict[Swatch, str] = {"fill": "", "hatch": "/", "cross": "x", "dots": "."}
_ACTIVITIES: dict[str, tuple[str, Direction | None, Swatch]] = {
    "downlink_s": ("downlink", "down", "hatch"),
    "compute_s": ("compute", None, "fill"),
    "below_s": ("serving children", None, "cross"),
    "uplink_s": ("uplink", "up", "fill"),
    "waiting_s": ("waiting", None, "dots"),
}
