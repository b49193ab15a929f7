"""A metric against the swept values: lines over one numeric axis, a heat map over two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from netsim.reports.accuracy_bands import MAX_LEGEND_ENTRIES
from netsim.reports.axes import COLOUR_BAR, base_layout
from netsim.reports.labels import escape_plotly_text, tick_labels
from netsim.reports.metrics_at import MetricQuery
from netsim.reports.page_parts import Change, Figure, LegendEntry, Trace
from netsim.reports.palette import GREY, setting_colours
from netsim.reports.pareto import padded_range
from netsim.reports.settings import Setting, last_key, parse_number

_MAX_AXES = 3  # numeric axes with a figure each
_MAX_CELLS = 2_500  # of a heat map
_MAX_LABELLED_CELLS = 80  # up to which cells contain their value


class _Axis(NamedTuple):
    """A swept path: its position in a setting's values, its distinct values in order, and their labels."""

    path: str
    position: int
    values: list[object]
    numbers: list[float] | None
    labels: dict[object, str]

    @property
    def texts(self) -> list[str]:
        """The labels of the values, shortened for an axis."""
        return tick_labels([self.labels[value] for value in self.values])


def figures_of_sweep(settings: Sequence[Setting], paths: Sequence[str], query: MetricQuery) -> list[Figure]:
    """The metric over each numeric axis (at most three), and over the first two axes that form a grid."""
    axes = [axis for position, path in enumerate(paths) if (axis := _axis(settings, path, position))]
    numeric = [axis for axis in axes if axis.numbers is not None and len(axis.values) > 1][:_MAX_AXES]
    figures = [_lines(settings, axis, query) for axis in numeric]
    if (pair := _grid(settings, axes)) is not None:
        figures.append(_heat(settings, *pair, query))
    return figures


def _axis(settings: Sequence[Setting], path: str, position: int) -> _Axis | None:
    values = list(dict.fromkeys(setting.values[position] for setting in settings))
    labels = {setting.values[position]: setting.value_labels[position] for setting in settings}
    numbers = [parse_number(value) for value in values]
    if all(number is not None for number in numbers):
        pairs = sorted(
            zip([n for n in numbers if n is not None], values, strict=True), key=lambda pair: pair[0]
        )
        return _Axis(path, position, [value for _, value in pairs], [number for number, _ in pairs], labels)
    return _Axis(path, position, values, None, labels) if len(values) > 1 else None


def _lines(settings: Sequence[Setting], axis: _Axis, query: MetricQuery) -> Figure:
    """One line for every combination of the other axes; error bars cover the range of the seeds."""
    groups = _groups(settings, axis)
    colours = setting_colours(len(groups))
    traces = [_line(label, colour) for label, colour in zip(groups, colours, strict=True)]
    if len(groups) == 1:  # markers have the colours of their settings
        traces[0]["line"] = {"color": GREY, "width": 1.5, "dash": "dot"}
        traces[0]["marker"] = {"color": [s.colour for group in groups.values() for s in group], "size": 10}
        traces[0]["error_y"]["color"] = GREY
    changes = [_option_change(list(groups.values()), query, option) for option in query.options]
    positions = [[parse_number(s.values[axis.position]) for s in group] for group in groups.values()]
    first = changes[query.chooser.initial].traces
    for k, (trace, x) in enumerate(zip(traces, positions, strict=True)):
        trace |= {"x": x, "y": first["y"][k]}
        trace["hovertemplate"] = (
            f"{trace['name']}: %{{y:.4g}} {query.scale.unit} at %{{x:.4g}}<extra></extra>"
        )
        trace["error_y"] |= {"array": first["error_y.array"][k], "arrayminus": first["error_y.arrayminus"][k]}
    layout = base_layout(360, escape_plotly_text(axis.path), query.title)
    layout["xaxis"] |= _ticks(axis)
    layout["yaxis"]["range"] = changes[query.chooser.initial].layout["yaxis.range"]
    entries = [
        LegendEntry(label, "line", [colour], [k])
        for k, (label, colour) in enumerate(zip(groups, colours, strict=True))
    ]
    legend = entries if 2 <= len(entries) <= MAX_LEGEND_ENTRIES else []
    key = f"{query.chooser.key}-{axis.position}"
    name = f"{query.name} over {last_key(axis.path)}"
    return Figure(
        key, name, _description(settings, query), traces, layout, legend, {query.chooser.key: changes}
    )


def _groups(settings: Sequence[Setting], axis: _Axis) -> dict[str, list[Setting]]:
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(_others(setting, axis), []).append(setting)
    for group in groups.values():
        group.sort(key=lambda s: parse_number(s.values[axis.position]) or 0.0)
    return groups


def _others(setting: Setting, axis: _Axis) -> str:
    """The setting's label without the text of this axis."""
    own = f"{last_key(axis.path)} {setting.value_labels[axis.position]}"
    return ", ".join(part for part in _split(setting.label, own) if part) or "mean over seeds"


def _split(label: str, own: str) -> list[str]:
    before, _, after = label.partition(own)
    return [before.removesuffix(", "), after.removeprefix(", ")]


def _option_change(groups: Sequence[Sequence[Setting]], query: MetricQuery, option: float) -> Change:
    ys: list[Any] = []
    above: list[Any] = []
    minus: list[Any] = []
    ends = [0.0] if query.best == "lowest" else []  # the axis of times starts at zero
    for group in groups:
        means = [query.mean(setting, option) for setting in group]
        seeds = [query.values(setting, option) / query.scale.size for setting in group]
        pairs = [(m, s) if math.isfinite(m) else None for m, s in zip(means, seeds, strict=True)]
        ys.append([_short(pair[0]) if pair else None for pair in pairs])
        above.append([_short(float(pair[1].max()) - pair[0]) if pair else None for pair in pairs])
        ends += [end for pair in pairs if pair for end in (float(pair[1].min()), float(pair[1].max()))]
        minus.append([_short(pair[0] - float(pair[1].min())) if pair else None for pair in pairs])
    layout = {"yaxis.range": padded_range(ends)}
    return Change({"y": ys, "error_y.array": above, "error_y.arrayminus": minus}, layout)


def _line(label: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escape_plotly_text(label),
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 8},
        "error_y": {"type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 4},
    }


def _ticks(axis: _Axis) -> dict[str, Any]:
    """A tick at every value with its label; a logarithmic axis if the values span more than a decade."""
    numbers = axis.numbers or []
    wide = min(numbers) > 0 and max(numbers) / min(numbers) > 10
    ticks: dict[str, Any] = {"type": "log" if wide else "linear"}
    if len(numbers) <= MAX_LEGEND_ENTRIES:
        ticks |= {"tickmode": "array", "tickvals": numbers, "ticktext": axis.texts}
    return ticks


def _grid(settings: Sequence[Setting], axes: Sequence[_Axis]) -> tuple[_Axis, _Axis] | None:
    """The first two axes of which more than half of the combinations exist."""
    many = [axis for axis in axes if len(axis.values) > 1]
    for k, one in enumerate(many):
        for other in many[k + 1 :]:
            cells = {(s.values[one.position], s.values[other.position]) for s in settings}
            size = len(one.values) * len(other.values)
            if len(cells) > size / 2 and size <= _MAX_CELLS:
                return one, other
    return None


def _heat(settings: Sequence[Setting], x: _Axis, y: _Axis, query: MetricQuery) -> Figure:
    """Heat map with a cell for each pair of values: the best of the settings with that pair."""
    maps = [_cells(settings, x, y, query, option) for option in query.options]
    changes = [_cell_change(cells, query) for cells in maps]
    trace: Trace = {
        "type": "heatmap", "x": x.texts, "y": y.texts,
        "colorscale": "Cividis", "reversescale": query.best == "lowest", "xgap": 1, "ygap": 1,
        "colorbar": {**COLOUR_BAR, "ticksuffix": f" {query.scale.unit}"},
        "hovertemplate": f"{last_key(x.path)} %{{x}}, {last_key(y.path)} %{{y}}: %{{text}}<extra></extra>",
    }  # fmt: skip
    if len(x.values) * len(y.values) <= _MAX_LABELLED_CELLS:
        trace["texttemplate"] = "%{text}"
    initial = changes[query.chooser.initial].traces
    trace |= {name: values[0] for name, values in initial.items()}
    layout = base_layout(
        210 + max(160, min(36 * len(y.values), 500)), escape_plotly_text(x.path), escape_plotly_text(y.path)
    )
    layout["xaxis"]["type"] = layout["yaxis"]["type"] = "category"
    description = f"{_description(settings, query)} A cell shows the best setting with its two values."
    return Figure(f"{query.chooser.key}-heat", f"{query.name}: {last_key(x.path)} and {last_key(y.path)}", description,
                  [trace], layout, (), {query.chooser.key: changes})  # fmt: skip


def _cells(
    settings: Sequence[Setting], x: _Axis, y: _Axis, query: MetricQuery, option: float
) -> list[list[Any]]:
    best = max if query.best == "highest" else min
    best_values: dict[tuple[object, object], float] = {}
    for setting in settings:
        if math.isfinite(value := query.mean(setting, option)):
            pair = setting.values[x.position], setting.values[y.position]
            best_values[pair] = best(best_values.get(pair, value), value)
    return [
        [_short(best_values[a, b]) if (a, b) in best_values else None for a in x.values] for b in y.values
    ]


def _cell_change(cells: list[list[Any]], query: MetricQuery) -> Change:
    """The cells of one option; the colour scale covers their range."""
    present = [value for row in cells for value in row if value is not None] or [0.0]
    ends = {"zmin": [min(present)], "zmax": [max(max(present), min(present) + 1e-9)]}
    return Change({"z": [cells], "text": [_texts(cells, query)], **ends})


def _texts(cells: list[list[Any]], query: MetricQuery) -> list[list[str]]:
    size = query.scale.size
    return [["" if v is None else query.format_value(v * size) for v in row] for row in cells]


def _description(settings: Sequence[Setting], query: MetricQuery) -> str:
    option = query.options[query.chooser.initial]
    pairs = [(query.mean(s, option), s) for s in settings]
    finite = [pair for pair in pairs if math.isfinite(pair[0])]
    at = f"{query.chooser.label} {query.chooser.options[query.chooser.initial]}"
    if not finite:
        return f"{query.name}; {at}: no setting has a value."
    pick = max if query.best == "highest" else min
    value, setting = pick(finite, key=lambda pair: pair[0])
    return f"{query.name}; {at}: best is {setting.label} with {query.format_value(value * query.scale.size)}."


def _short(value: float) -> float:
    return float(f"{value:.5g}")
