"""The tree of a run, its nodes coloured by what they did, sent or drew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import BAR, layout
from netsim.reports.labels import as_written
from netsim.reports.page_parts import Change, Chooser, Figure, Trace
from netsim.reports.palette import GREY
from netsim.reports.time_breakdown import level_name
from netsim.reports.tree_layout import family, places
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import Series

_MOST = 3_000  # nodes; a browser is slow beyond, and a screen has no room


class _Quantity(NamedTuple):
    """A number per node: what it is called and how it is said."""

    label: str
    title: str
    values: Mapping[str, float]
    say: Callable[[float], str]
    scale: Callable[[float], formatting.Scale]


def tree_figure(result: Result) -> tuple[Chooser, Figure] | None:
    """The chooser of the quantity and the tree; None without a round, or with too many nodes to see."""
    tree = family(result)
    quantities = _quantities(result)
    if not quantities or not 2 <= len(tree) <= _MOST:
        return None
    spots = places(tree)
    edges: Trace = {
        "type": "scatter",
        "mode": "lines",
        "hoverinfo": "skip",
        "line": {"color": GREY, "width": 1},
    }
    pairs = [(spots[a], spots[b]) for a, b in tree.edges]
    edges |= {"x": [x for a, b in pairs for x in (a[0], b[0], None)]}
    edges |= {"y": [y for a, b in pairs for y in (a[1], b[1], None)]}
    leaves = sum(not tree.out_degree(node) for node in tree)
    dots: Trace = {"type": "scatter", "mode": "markers", "hoverinfo": "text"}
    dots |= {"x": [x for x, _ in spots.values()], "y": [y for _, y in spots.values()]}
    dots["marker"] = {"size": max(5, min(18, 300 // leaves)), "line": {"color": GREY, "width": 1}}
    dots["marker"] |= {"colorscale": "Cividis", "colorbar": dict(BAR)}
    changes = [_painted(quantity, list(spots)) for quantity in quantities]
    _apply(dots, changes[0])
    frame = layout(200 + 80 * result.depth, "")
    frame["xaxis"] = {"visible": False, "range": [-0.01, 1.01], "fixedrange": True}
    levels = list(range(result.depth + 1))
    names = ["cloud" if level == result.depth else level_name(level) for level in levels]
    frame["yaxis"] = {
        "tickvals": levels,
        "ticktext": names,
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
    }
    frame["yaxis"] |= {"range": [-0.4, result.depth + 0.4], "fixedrange": True}
    says = f"The tree of {formatting.count(len(tree))} nodes, coloured by a quantity of choice. {_extremes(quantities[0])}"
    chooser = Chooser("quantity", "Coloured by", [quantity.label for quantity in quantities])
    return chooser, Figure("tree", "The tree", says, [edges, dots], frame, (), {"quantity": changes})


def _quantities(result: Result) -> list[_Quantity]:
    """Mean seconds per round of each activity, payload sent and, where counted, joules of the whole run."""
    if not len(result.nodes):
        return []
    mean = result.nodes.groupby("node")[list(_ACTIVITIES)].mean()
    found = [
        _Quantity(
            label, f"{label}, mean per round", _by_node(mean[name]), formatting.seconds, formatting.time_scale
        )
        for name, label in _ACTIVITIES.items()
    ]
    for way in ("up", "down"):
        sent = result.messages[result.messages["direction"] == way].groupby("src")["payload_bits"].sum()
        found.append(
            _Quantity(
                f"Bits sent {way}",
                f"Payload sent {way}",
                _by_node(sent),
                formatting.bits,
                formatting.bit_scale,
            )
        )
    joules = [n for n in result.nodes.columns if n.startswith("energy_")]
    if joules:
        spent = result.nodes.groupby("node")[joules].sum().sum(axis=1)
        found.append(
            _Quantity(
                "Energy", "Energy of the run", _by_node(spent), formatting.joules, formatting.joule_scale
            )
        )
    return [quantity for quantity in found if any(quantity.values.values())]


def _by_node(values: Series[Any]) -> dict[str, float]:
    return {str(node): float(value) for node, value in values.items()}


def _painted(quantity: _Quantity, nodes: list[str]) -> Change:
    """The edges' trace comes first and has no colours of its own to change."""
    values = [float(quantity.values.get(node, 0.0)) for node in nodes]
    scale = quantity.scale(max(values))
    texts = [
        f"{as_written(node)}: {quantity.label.lower()} {quantity.say(value)}"
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
    """The first option is there before any script runs."""
    dots["marker"] |= {name: change.traces[f"marker.{name}"][1] for name in ("color", "cmin", "cmax")}
    dots["marker"]["colorbar"] |= {
        "title": {"text": change.traces["marker.colorbar.title.text"][1], "side": "top"}
    }
    dots["hovertext"] = change.traces["hovertext"][1]


def _extremes(quantity: _Quantity) -> str:
    node = max(quantity.values, key=lambda name: quantity.values[name])
    return f"{quantity.label}: most at {node}, {quantity.say(quantity.values[node])} per round."


_ACTIVITIES = {
    "waiting_s": "ProcessGenerator",
    "compute_s": "Compute",
    "uplink_s": "Uplink",
    "downlink_s": "Downlink",
    "below_s": "Serving",
}
