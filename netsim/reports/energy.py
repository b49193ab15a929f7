"""Energy of a run by level of the tree, by component and by layer."""

from __future__ import annotations

import math

from netsim.reports import formatting
from netsim.reports.axes import base_layout
from netsim.reports.page_parts import Figure, LegendEntry, Table, Trace
from netsim.reports.palette import BLUE, GREEN, GREY, ORANGE, VERMILLION
from netsim.reports.time_breakdown import level_name
from netsim.results.result import Result

_COMPONENTS = {
    "energy_compute_j": ("compute", GREY),
    "energy_transmit_j": ("transmit", BLUE),
    "energy_receive_j": ("receive", GREEN),
    "energy_idle_j": ("waiting", ORANGE),
    "energy_wired_j": ("wired links", VERMILLION),
}


def has_energy(result: Result) -> bool:
    """Whether the scenario has an energy model and a round has finished."""
    return "energy_j" in result.rounds.columns and bool(result.finished_rounds)


def energy_figure(result: Result) -> Figure:
    """Energy of the finished rounds per level, stacked by component."""
    by_level = result.nodes.groupby("level")[list(_COMPONENTS)].sum()
    levels = [int(level) for level in by_level.index]
    scale = formatting.joule_scale(float(by_level.sum(axis=1).max()))
    rows = [_level(result, level) for level in levels]
    traces: list[Trace] = []
    for name, (label, colour) in _COMPONENTS.items():
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
    legend = [
        LegendEntry(label, "fill", [colour], [i]) for i, (label, colour) in enumerate(_COMPONENTS.values())
    ]
    layout = base_layout(110 + 52 * len(levels), f"Energy of the run ({scale.unit})")
    layout |= {"barmode": "stack"}
    layout["yaxis"] |= {"autorange": "reversed", "ticks": "", "fixedrange": True}
    totals = ", ".join(
        f"{row} {formatting.joules(float(v))}" for row, v in zip(rows, by_level.sum(axis=1), strict=True)
    )
    return Figure("energy", "Energy by level", f"Energy by level: {totals}.", traces, layout, legend)


def energy_table(result: Result) -> Table:
    """The numbers of the figure, the energy per node, and the sum over levels."""
    header = ["", *(label for label, _ in _COMPONENTS.values()), "total", "per node"]
    rows = []
    for level in range(result.depth + 1):
        nodes = result.nodes[result.nodes["level"] == level]
        values = [float(nodes[name].sum()) for name in _COMPONENTS]
        per_node = math.fsum(values) / int(nodes["node"].nunique())
        rows.append([_level(result, level), *map(formatting.joules, (*values, math.fsum(values), per_node))])
    totals = [float(result.nodes[name].sum()) for name in _COMPONENTS]
    rows.append(["all", *map(formatting.joules, (*totals, math.fsum(totals))), ""])
    return Table("Energy of the finished rounds", header, rows)


def link_energy_table(result: Result) -> Table:
    """Energy of transmission, reception and wired links per layer, both ends together."""
    last = result.rounds.iloc[-1]
    rows = [
        [f"layer {n}", formatting.joules(float(last[f"energy_layer_j_{n}"]))]
        for n in range(1, result.depth + 1)
    ]
    return Table("Energy of the links of each layer", ["", "links"], rows)


def _level(result: Result, level: int) -> str:
    return "cloud" if level == result.depth else level_name(level)
