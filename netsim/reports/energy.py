"""Where the energy goes: joules of a run by level of the tree and by what they were spent on."""

from __future__ import annotations

import math

from netsim.reports import formatting
from netsim.reports.axes import layout
from netsim.reports.page_parts import Figure, Legend, Table, Trace
from netsim.reports.palette import BLUE, GREEN, GREY, ORANGE, VERMILLION
from netsim.reports.time_breakdown import level_name
from netsim.results.result import Result

_SPENT = {
    "energy_compute_j": ("compute", GREY),
    "energy_transmit_j": ("transmit", BLUE),
    "energy_receive_j": ("receive", GREEN),
    "energy_idle_j": ("waiting", ORANGE),
    "energy_wired_j": ("wires", VERMILLION),
}


def has_energy(result: Result) -> bool:
    """Whether the scenario counted joules."""
    return "energy_j" in result.rounds.columns and bool(result.finished_rounds)


def energy_figure(result: Result) -> Figure:
    """Joules of finished rounds per level, stacked by what they were spent on."""
    by_level = result.nodes.groupby("level")[list(_SPENT)].sum()
    levels = [int(level) for level in by_level.index]
    scale = formatting.joule_scale(float(by_level.sum(axis=1).max()))
    rows = [_level(result, level) for level in levels]
    traces: list[Trace] = []
    for name, (label, colour) in _SPENT.items():
        values = [float(v) for v in by_level[name]]
        texts = [f"{row}: {formatting.joules(v)} {label}" for row, v in zip(rows, values, strict=True)]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": label,
                "x": [v / scale.size for v in values],
                "y": rows,
                "marker": {"color": colour},
                "hovertext": texts,
                "hoverinfo": "text",
            }
        )
    legend = [Legend(label, "fill", [colour], [i]) for i, (label, colour) in enumerate(_SPENT.values())]
    frame = layout(110 + 52 * len(levels), f"Energy of the run ({scale.unit})")
    frame |= {"barmode": "stack"}
    frame["yaxis"] |= {"autorange": "reversed", "ticks": "", "fixedrange": True}
    totals = ", ".join(
        f"{row} {formatting.joules(float(v))}" for row, v in zip(rows, by_level.sum(axis=1), strict=True)
    )
    return Figure("energy", "Energy by level", f"Spent: {totals}.", traces, frame, legend)


def energy_table(result: Result) -> Table:
    """The figure's numbers, the sum over levels, and what crossed each layer's links."""
    heads = ["", *(label for label, _ in _SPENT.values()), "total", "per node"]
    lines = []
    for level in range(result.depth + 1):
        nodes = result.nodes[result.nodes["level"] == level]
        spent = [float(nodes[name].sum()) for name in _SPENT]
        each = math.fsum(spent) / int(nodes["node"].nunique())
        lines.append([_level(result, level), *map(formatting.joules, (*spent, math.fsum(spent), each))])
    whole = [float(result.nodes[name].sum()) for name in _SPENT]
    lines.append(["all", *map(formatting.joules, (*whole, math.fsum(whole))), ""])
    return Table("Joules of the finished rounds", heads, lines)


def layer_table(result: Result) -> Table:
    """Joules of sending, receiving and wires per layer, both ends together."""
    last = result.rounds.iloc[-1]
    rows = [
        [f"layer {n}", formatting.joules(float(last[f"energy_layer_j_{n}"]))]
        for n in range(1, result.depth + 1)
    ]
    return Table("Joules of the links of each layer", ["", "links"], rows)


def _level(result: Result, level: int) -> str:
    return "cloud" if level == result.depth else level_name(level)
