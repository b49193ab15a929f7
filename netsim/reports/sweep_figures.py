"""A question against what was swept: along one numeric axis as lines, over two axes as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from netsim.reports.accuracy_bands import LEGIBLE
from netsim.reports.axes import BAR, layout
from netsim.reports.labels import as_written, ticks
from netsim.reports.metrics_at import MetricQuery
from netsim.reports.page_parts import Change, Figure, Legend, Trace
from netsim.reports.palette import GREY, setting_colours
from netsim.reports.pareto import reach
from netsim.reports.settings import Setting, number_of, short

_MOST_AXES = 3  # drawn against
_CELLS = 2_500  # of a heat map
_READ = 80  # cells with a number in them


class _Axis(NamedTuple):
    """One swept path, its place among a setting's values, its values in order and in words."""

    path: str
    place: int
    values: list[object]
    numbers: list[float] | None
    said: dict[object, str]

    @property
    def texts(self) -> list[str]:
        """The values in words, short enough for an axis."""
        return ticks([self.said[value] for value in self.values])


def swept_figures(settings: Sequence[Setting], paths: Sequence[str], question: MetricQuery) -> list[Figure]:
    """The question against each numeric axis (three at most), and over the first two axes that form a grid."""
    axes = [axis for place, path in enumerate(paths) if (axis := _axis(settings, path, place))]
    numeric = [axis for axis in axes if axis.numbers is not None and len(axis.values) > 1][:_MOST_AXES]
    figures = [_lines(settings, axis, question) for axis in numeric]
    if (pair := _grid(settings, axes)) is not None:
        figures.append(_heat(settings, *pair, question))
    return figures


def _axis(settings: Sequence[Setting], path: str, place: int) -> _Axis | None:
    values = list(dict.fromkeys(setting.values[place] for setting in settings))
    said = {setting.values[place]: setting.said[place] for setting in settings}
    known = [number_of(value) for value in values]
    if all(number is not None for number in known):
        pairs = sorted(
            zip([n for n in known if n is not None], values, strict=True), key=lambda pair: pair[0]
        )
        return _Axis(path, place, [value for _, value in pairs], [number for number, _ in pairs], said)
    return _Axis(path, place, values, None, said) if len(values) > 1 else None


def _lines(settings: Sequence[Setting], axis: _Axis, question: MetricQuery) -> Figure:
    """One line for every choice of the other axes; bars reach from the lowest to the highest seed."""
    groups = _groups(settings, axis)
    colours = setting_colours(len(groups))
    traces = [_line(label, colour) for label, colour in zip(groups, colours, strict=True)]
    if len(groups) == 1:  # then every mark is a setting and has its colour
        traces[0]["line"] = {"color": GREY, "width": 1.5, "dash": "dot"}
        traces[0]["marker"] = {"color": [s.colour for group in groups.values() for s in group], "size": 10}
        traces[0]["error_y"]["color"] = GREY
    changes = [_answers(list(groups.values()), question, option) for option in question.options]
    positions = [[number_of(s.values[axis.place]) for s in group] for group in groups.values()]
    first = changes[question.chooser.start].traces
    for k, (trace, x) in enumerate(zip(traces, positions, strict=True)):
        trace |= {"x": x, "y": first["y"][k]}
        trace["hovertemplate"] = (
            f"{trace['name']}: %{{y:.4g}} {question.scale.unit} at %{{x:.4g}}<extra></extra>"
        )
        trace["error_y"] |= {"array": first["error_y.array"][k], "arrayminus": first["error_y.arrayminus"][k]}
    frame = layout(360, as_written(axis.path), question.title)
    frame["xaxis"] |= _ticks(axis)
    frame["yaxis"]["range"] = changes[question.chooser.start].layout["yaxis.range"]
    entries = [
        Legend(label, "line", [colour], [k])
        for k, (label, colour) in enumerate(zip(groups, colours, strict=True))
    ]
    few = entries if 2 <= len(entries) <= LEGIBLE else []
    key = f"{question.chooser.key}-{axis.place}"
    name = f"{question.name} against {short(axis.path)}"
    return Figure(key, name, _says(settings, question), traces, frame, few, {question.chooser.key: changes})


def _groups(settings: Sequence[Setting], axis: _Axis) -> dict[str, list[Setting]]:
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(_others(setting, axis), []).append(setting)
    for group in groups.values():
        group.sort(key=lambda s: number_of(s.values[axis.place]) or 0.0)
    return groups


def _others(setting: Setting, axis: _Axis) -> str:
    """The setting's label without this axis' share of it."""
    own = f"{short(axis.path)} {setting.said[axis.place]}"
    return ", ".join(part for part in _split(setting.label, own) if part) or "mean over seeds"


def _split(label: str, own: str) -> list[str]:
    before, _, after = label.partition(own)
    return [before.removesuffix(", "), after.removeprefix(", ")]


def _answers(groups: Sequence[Sequence[Setting]], question: MetricQuery, option: float) -> Change:
    ys: list[Any] = []
    above: list[Any] = []
    below: list[Any] = []
    ends = [0.0] if question.best == "least" else []  # times are compared by their lengths
    for group in groups:
        means = [question.mean(setting, option) for setting in group]
        seeds = [question.answer(setting, option) / question.scale.size for setting in group]
        known = [(m, s) if math.isfinite(m) else None for m, s in zip(means, seeds, strict=True)]
        ys.append([_short(pair[0]) if pair else None for pair in known])
        above.append([_short(float(pair[1].max()) - pair[0]) if pair else None for pair in known])
        ends += [end for pair in known if pair for end in (float(pair[1].min()), float(pair[1].max()))]
        below.append([_short(pair[0] - float(pair[1].min())) if pair else None for pair in known])
    drawn = {"yaxis.range": reach(ends)}
    return Change({"y": ys, "error_y.array": above, "error_y.arrayminus": below}, drawn)


def _line(label: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": as_written(label),
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 8},
        "error_y": {"type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 4},
    }


def _ticks(axis: _Axis) -> dict[str, Any]:
    """A tick at every value as it was written; logarithmic where values spread over more than a decade."""
    numbers = axis.numbers or []
    wide = min(numbers) > 0 and max(numbers) / min(numbers) > 10
    ticks: dict[str, Any] = {"type": "log" if wide else "linear"}
    if len(numbers) <= LEGIBLE:
        ticks |= {"tickmode": "array", "tickvals": numbers, "ticktext": axis.texts}
    return ticks


def _grid(settings: Sequence[Setting], axes: Sequence[_Axis]) -> tuple[_Axis, _Axis] | None:
    """The first two axes that are crossed rather than walked together."""
    many = [axis for axis in axes if len(axis.values) > 1]
    for k, one in enumerate(many):
        for other in many[k + 1 :]:
            cells = {(s.values[one.place], s.values[other.place]) for s in settings}
            whole = len(one.values) * len(other.values)
            if len(cells) > whole / 2 and whole <= _CELLS:
                return one, other
    return None


def _heat(settings: Sequence[Setting], x: _Axis, y: _Axis, question: MetricQuery) -> Figure:
    """A cell for each pair of values: the best of the settings that have it."""
    maps = [_cells(settings, x, y, question, option) for option in question.options]
    changes = [_painted(cells, question) for cells in maps]
    trace: Trace = {
        "type": "heatmap", "x": x.texts, "y": y.texts,
        "colorscale": "Cividis", "reversescale": question.best == "least", "xgap": 1, "ygap": 1,
        "colorbar": {**BAR, "ticksuffix": f" {question.scale.unit}"},
        "hovertemplate": f"{short(x.path)} %{{x}}, {short(y.path)} %{{y}}: %{{text}}<extra></extra>",
    }  # fmt: skip
    if len(x.values) * len(y.values) <= _READ:
        trace["texttemplate"] = "%{text}"
    start = changes[question.chooser.start].traces
    trace |= {name: values[0] for name, values in start.items()}
    frame = layout(210 + max(160, min(36 * len(y.values), 500)), as_written(x.path), as_written(y.path))
    frame["xaxis"]["type"] = frame["yaxis"]["type"] = "category"
    says = f"{_says(settings, question)} A cell is the best setting that has its two values."
    return Figure(f"{question.chooser.key}-heat", f"{question.name}: {short(x.path)} and {short(y.path)}", says,
                  [trace], frame, (), {question.chooser.key: changes})  # fmt: skip


def _cells(
    settings: Sequence[Setting], x: _Axis, y: _Axis, question: MetricQuery, option: float
) -> list[list[Any]]:
    best = max if question.best == "most" else min
    found: dict[tuple[object, object], float] = {}
    for setting in settings:
        if math.isfinite(value := question.mean(setting, option)):
            pair = setting.values[x.place], setting.values[y.place]
            found[pair] = best(found.get(pair, value), value)
    return [[_short(found[a, b]) if (a, b) in found else None for a in x.values] for b in y.values]


def _painted(cells: list[list[Any]], question: MetricQuery) -> Change:
    """The cells in colours that reach over what is there at this option."""
    known = [value for row in cells for value in row if value is not None] or [0.0]
    ends = {"zmin": [min(known)], "zmax": [max(max(known), min(known) + 1e-9)]}
    return Change({"z": [cells], "text": [_texts(cells, question)], **ends})


def _texts(cells: list[list[Any]], question: MetricQuery) -> list[list[str]]:
    size = question.scale.size
    return [["" if v is None else question.worth(v * size) for v in row] for row in cells]


def _says(settings: Sequence[Setting], question: MetricQuery) -> str:
    option = question.options[question.chooser.start]
    known = [(question.mean(s, option), s) for s in settings]
    finite = [pair for pair in known if math.isfinite(pair[0])]
    at = f"{question.chooser.label} {question.chooser.options[question.chooser.start]}"
    if not finite:
        return f"{question.name}; {at}: no setting answers."
    pick = max if question.best == "most" else min
    value, setting = pick(finite, key=lambda pair: pair[0])
    return (
        f"{question.name}; {at}: best is {setting.label} with {question.worth(value * question.scale.size)}."
    )


def _short(value: float) -> float:
    return float(f"{value:.5g}")
