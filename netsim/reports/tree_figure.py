"""The tree of a run, its nodes coloured by a selected quantity: time per activity, bits sent, or energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import COLOUR_BAR, base_layout
from netsim.reports.labels import escape_plotly_text
from netsim.reports.page_parts import Change, Chooser, Figure, Trace
from netsim.reports.palette import GREY
from netsim.reports.time_breakdown import level_name
from netsim.reports.tree_layout import node_positions, tree_from_messages
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import Series

_MAX_NODES = 3_000  # a larger tree is slow in a browser and not legible


class _Quantity(NamedTuple):
    """A number per node, its label, the title of its colour bar, and its format and unit."""

    label: str
    title: str
    values: Mapping[str, float]
    format_value: Callable[[float], str]
    scale: Callable[[float], formatting.Scale]


def tree_figure(result: Result) -> tuple[Chooser, Figure] | None:
    """The chooser of the quantity and the tree; None without a finished round or above `_MAX_NODES` nodes."""
    tree = tree_from_messages(result)
    quantities = _quantities(result)
    if not quantities or not 2 <= len(tree) <= _MAX_NODES:
        return None
    positions = node_positions(tree)
    edges: Trace = {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "line": {"color": GREY, "width": 1},
    }
    pairs = [(positions[a], positions[b]) for a, b in tree.edges]
    edges |= {"x": [x for a, b in pairs for x in (a[0], b[0], None)]}
    edges |= {"y": [y for a, b in pairs for y in (a[1], b[1], None)]}
    leaves = sum(not tree.out_degree(node) for node in tree)
    dots: Trace = {"type": "scatter", "mode": "markers", "hoverinfo": "text"}
    dots |= {"x": [x for x, _ in positions.values()], "y": [y for _, y in positions.values()]}
    dots["marker"] = {"size": max(5, min(18, 300 // leaves)), "line": {"color": GREY, "width": 1}}
    dots["marker"] |= {"colorscale": "Cividis", "colorbar": dict(COLOUR_BAR)}
    changes = [_colour_by(quantity, list(positions)) for quantity in quantities]
    _apply(dots, changes[0])
    layout = base_layout(200 + 80 * result.depth, "")
    layout["xaxis"] = {"visible": False, "range": [-0.01, 1.01], "fixedrange": True}
    levels = list(range(result.depth + 1))
    names = ["cloud" if level == result.depth else level_name(level) for level in levels]
    layout["yaxis"] = {
        "tickvals": levels,
        "ticktext": names,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
    }
    layout["yaxis"] |= {"range": [-0.4, result.depth + 0.4], "fixedrange": True}
    description = (
        f"The tree of {formatting.count(len(tree))} nodes, coloured by the selected quantity. "
        f"{_maximum(quantities[0])}"
    )
    chooser = Chooser("quantity", "Coloured by", [quantity.label for quantity in quantities])
    return chooser, Figure("tree", "The tree", description, [edges, dots], layout, (), {"quantity": changes})


def _quantities(result: Result) -> list[_Quantity]:
    """Mean seconds per round of each activity, payload sent and, if modelled, energy of the whole run."""
    if not len(result.nodes):
        return []
    mean = result.nodes.groupby("node")[list(_ACTIVITIES)].mean()
    quantities = [
        _Quantity(
            label, f"{label}, mean per round", _by_node(mean[name]), formatting.seconds, formatting.time_scale
        )
        for name, label in _ACTIVITIES.items()
    ]
    for direction in ("up", "down"):
        sent = result.messages[result.messages["direction"] == direction].groupby("src")["payload_bits"].sum()
        quantities.append(
            _Quantity(
                f"Bits sent {direction}",
                f"Payload sent {direction}",
                _by_node(sent),
                formatting.bits,
                formatting.bit_scale,
            )
        )
    columns = [name for name in result.nodes.columns if name.startswith("energy_")]
    if columns:
        energy = result.nodes.groupby("node")[columns].sum().sum(axis=1)
        quantities.append(
            _Quantity(
                "Energy", "Energy of the run", _by_node(energy), formatting.joules, formatting.joule_scale
            )
        )
    return [quantity for quantity in quantities if any(quantity.values.values())]


def _by_node(values: Series[Any]) -> dict[str, float]:
    return {str(node): float(value) for node, value in values.items()}


def _colour_by(quantity: _Quantity, nodes: list[str]) -> Change:
    """The change that colours the nodes; the first trace is that of the edges, which keeps its colour."""
    values = [float(quantity.values.get(node, 0.0)) for node in nodes]
    scale = quantity.scale(max(values))
    texts = [
        f"{escape_plotly_text(node)}: {quantity.label.lower()} {quantity.format_value(value)}"
        for node, value in zip(nodes, values, strict=True)
    ]
    colours = [float(f"{value / scale.size:.5g}") for value in values]
    title = f"{quantity.title} ({scale.unit})"
    return Change(
        {
            "marker.color": [GREY, colours],
            "marker.cmin": [0, 0],
            "marker.cmax": [1, max(colours)],
            "marker.colorbar.title.text": ["", title],
            "hovertext": ["", texts],
        }
    )


def _apply(dots: Trace, change: Change) -> None:
    """Apply the first option, so that it is visible before any script runs."""
    dots["marker"] |= {name: change.traces[f"marker.{name}"][1] for name in ("color", "cmin", "cmax")}
    dots["marker"]["colorbar"] |= {
        "title": {"text": change.traces["marker.colorbar.title.text"][1], "side": "top"}
    }
    dots["hovertext"] = change.traces["hovertext"][1]


def _maximum(quantity: _Quantity) -> str:
    node = max(quantity.values, key=lambda name: quantity.values[name])
    return f"{quantity.label}: maximum {quantity.format_value(quantity.values[node])} per round at {node}."


_ACTIVITIES = {
    "waiting_s": "Waiting",
    "compute_s": "Compute",
    "uplink_s": "Uplink",
    "downlink_s": "Downlink",
    "below_s": "Serving",
}
