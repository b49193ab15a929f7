"""Gantt chart of a round: the activities of every node over time, derived from the messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from netsim.reports import formatting
from netsim.reports.activity_fit import ROUNDING_S, ActivityInterval
from netsim.reports.axes import base_layout, thin
from netsim.reports.labels import tick_labels
from netsim.reports.network_events import EVENT_COLOURS, EventKind, clip_to_round, event_intervals
from netsim.reports.node_activity import NodeActivities
from netsim.reports.page_parts import HATCHED, Change, Chooser, Figure, LegendEntry, Swatch, Trace
from netsim.reports.palette import GREY, layer_colour, with_opacity
from netsim.reports.tree_layout import depth_first_order, tree_from_messages
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx

SpanKind = Literal["downlink", "uplink", "queueing", "compute", "serving", "waiting"] | EventKind

_MAX_NODES = 60
_MAX_SPANS = 3_000  # of a round: more are not distinguishable and take a browser seconds to draw
_MAX_PAGE_SPANS = 20_000  # of all rounds on the slider


class ActivitySpan(NamedTuple):
    """An activity of a node from `begin_s` to `end_s`; `layer` is that of the link, 0 where none is used."""

    node: str
    kind: SpanKind
    layer: int
    begin_s: float
    end_s: float


class Timeline(NamedTuple):
    """The drawn nodes in order, the spans of each drawn round by its number, and the size of the tree."""

    nodes: list[str]
    rounds: dict[int, list[ActivitySpan]]
    all_nodes: int


def select_timeline(result: Result, round_number: int | None = None) -> Timeline | None:
    """As many evenly spaced rounds as a page can hold, including `round_number`; None without a finished round."""
    tree = tree_from_messages(result)
    if not result.finished_rounds or not len(tree):
        return None
    activities, nodes = RoundActivities(result, tree), _select_nodes(result, tree)
    first = activities.spans(nodes, round_number or 1)
    while len(first) > _MAX_SPANS and len(nodes) > 6:
        nodes = _select_nodes(result, tree, len(nodes) * 2 // 3)
        first = activities.spans(nodes, round_number or 1)
    limit = max(1, min(400, _MAX_PAGE_SPANS // max(len(first), 1)))
    selected = {int(k) + 1 for k in thin(result.finished_rounds, limit)}
    selected |= {round_number} if round_number else set()
    rounds = {k: activities.spans(nodes, k)[:_MAX_SPANS] for k in sorted(selected)}
    return Timeline(nodes, rounds, len(tree))


class RoundActivities:
    """The rounds of a run, each split into activity spans of the nodes."""

    def __init__(self, result: Result, tree: nx.DiGraph[str]) -> None:
        self._activities = NodeActivities(result, tree)
        self._ends_s = result.rounds["sim_time_s"].tolist()
        self._tree = tree
        self._events = event_intervals(result.events)

    def spans(self, nodes: Sequence[str], round_number: int) -> list[ActivitySpan]:
        """The activities of `nodes` in a round, in seconds from its start, without gaps; then its events.

        After a downlink a node is busy until it answers or its exchange is aborted; otherwise it waits. The part of
        a transfer beyond its airtime is queueing, sharing of the medium or latency.
        """
        start_s, end_s = self._ends_s[round_number - 1], self._ends_s[round_number]
        spans: list[ActivitySpan] = []
        for node in nodes:
            intervals = self._activities.intervals(node, round_number)
            spans += _node_spans(node, intervals, bool(self._tree.out_degree(node)), start_s, end_s)
        drawn = set(nodes)
        events = [one for one in clip_to_round(self._events, start_s, end_s) if one.node in drawn]
        return spans + [ActivitySpan(one.node, one.kind, 0, one.begin_s, one.end_s) for one in events]


def timeline_chooser(timeline: Timeline) -> Chooser:
    """The slider over the drawn rounds."""
    return Chooser("gantt", "Round", [f"round {k}" for k in timeline.rounds], "slider")


def timeline_figure(timeline: Timeline, depth: int) -> Figure:
    """The chart with a row per node, from the top of the tree to the devices."""
    longest = max(span.end_s for spans in timeline.rounds.values() for span in spans)
    scale = formatting.time_scale(longest)
    rows = {node: k for k, node in enumerate(timeline.nodes)}
    groups: list[tuple[SpanKind, int]] = [("compute", 0), ("serving", 0), ("waiting", 0)]
    groups += [(kind, layer) for layer in range(1, depth + 1) for kind in _LINK_KINDS]
    present = {span.kind for spans in timeline.rounds.values() for span in spans}
    groups += [(kind, 0) for kind in EVENT_COLOURS if kind in present]
    traces = [_bars(kind, layer, scale) for kind, layer in groups]
    changes = [_round_change(spans, groups, rows, scale) for spans in timeline.rounds.values()]
    for name, values in changes[0].traces.items():
        for trace, value in zip(traces, values, strict=True):
            trace[name] = value
    layout = base_layout(110 + 16 * len(rows), f"Time since the start of the round ({scale.unit})")
    layout["xaxis"]["range"] = [0, 1.01 * longest / scale.size]
    layout["yaxis"] |= {
        "range": [len(rows) - 0.5, -0.5],
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "tickfont": {"size": 10},
        "tickvals": list(rows.values()),
        "ticktext": tick_labels(list(rows)),
    }
    layout |= {"barmode": "overlay"}
    description = (
        f"Activities of {len(rows)} of {timeline.all_nodes} nodes in the selected round, one row per node; "
        f"the longest round takes {formatting.seconds(longest)}."
    )
    legend = _legend(groups)
    return Figure("gantt", "Timeline of a round", description, traces, layout, legend, {"gantt": changes})


def _select_nodes(result: Result, tree: nx.DiGraph[str], limit: int = _MAX_NODES) -> list[str]:
    """All nodes below the root, or the devices with the least waiting time and their ancestors."""
    from networkx import ancestors

    order = [node for node in depth_first_order(tree) if tree.in_degree(node)]
    if len(order) <= limit:
        return order
    devices = result.nodes[result.nodes["level"] == 0].groupby("node")["waiting_s"].mean().sort_values().index
    selected: set[str] = set()
    for device in devices:
        branch = {device, *ancestors(tree, device)} if device in tree else set()
        if len(selected | branch) > limit + 1:  # includes the root, which is not drawn
            break
        selected |= branch
    return [node for node in order if node in selected]


def _node_spans(
    node: str, intervals: Sequence[ActivityInterval], has_children: bool, start_s: float, end_s: float
) -> list[ActivitySpan]:
    now_s = start_s
    spans: list[ActivitySpan] = []
    for one in intervals:
        spans.append(ActivitySpan(node, "waiting", 0, now_s, one.begin_s))
        if one.activity == "busy":
            kind: SpanKind = "serving" if has_children else "compute"
            spans.append(ActivitySpan(node, kind, 0, one.begin_s, one.end_s))
        else:
            link: SpanKind = "uplink" if one.activity == "sending" else "downlink"
            spans.append(ActivitySpan(node, "queueing", one.layer, one.begin_s, one.service_begin_s))
            spans.append(ActivitySpan(node, link, one.layer, one.service_begin_s, one.end_s))
        now_s = one.end_s
    spans.append(ActivitySpan(node, "waiting", 0, now_s, end_s))
    return [
        span._replace(begin_s=span.begin_s - start_s, end_s=span.end_s - start_s)
        for span in spans
        if span.end_s - span.begin_s > ROUNDING_S
    ]


def _round_change(
    spans: Sequence[ActivitySpan],
    groups: Sequence[tuple[SpanKind, int]],
    rows: dict[str, int],
    scale: formatting.Scale,
) -> Change:
    members = {group: [span for span in spans if (span.kind, span.layer) == group] for group in groups}
    base = [[_round5(span.begin_s / scale.size) for span in members[group]] for group in groups]
    length = [
        [_round5((span.end_s - span.begin_s) / scale.size) for span in members[group]] for group in groups
    ]
    return Change(
        {"base": base, "x": length, "y": [[rows[span.node] for span in members[g]] for g in groups]}
    )


def _bars(kind: SpanKind, layer: int, scale: formatting.Scale) -> Trace:
    colour = _colour(kind, layer)
    shape, opacity = _STYLES[kind]
    marker: dict[str, Any] = {"color": with_opacity(colour, opacity), "line": {"width": 0}}
    if shape:
        marker["pattern"] = {
            "shape": shape,
            "size": 5,
            "solidity": 0.35,
            "fillmode": "overlay",
            "fgcolor": colour,
        }
    name = f"layer {layer} {kind}" if layer else kind
    hover = f"{name}: %{{x:.4g}} {scale.unit} from %{{base:.4g}} {scale.unit}, %{{y}}<extra></extra>"
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "width": 0.75,
        "marker": marker,
        "hovertemplate": hover,
    }
    return bar | ({"meta": HATCHED} if shape else {})


def _legend(groups: Sequence[tuple[SpanKind, int]]) -> list[LegendEntry]:
    """One entry per kind of span; its colours are those of the layers."""
    entries = []
    for kind, swatch in _SWATCHES.items():
        traces = [k for k, group in enumerate(groups) if group[0] == kind]
        layers = dict.fromkeys(groups[k][1] for k in traces)
        opacity = 1.0 if _STYLES[kind][0] else _STYLES[kind][1]
        if not traces:
            continue
        colours = [with_opacity(_colour(kind, layer), opacity) for layer in layers]
        entries.append(LegendEntry(_LABELS.get(kind, kind), swatch, colours, traces))
    return entries


def _colour(kind: SpanKind, layer: int) -> str:
    if layer:
        return layer_colour(layer)
    return next((colour for event, colour in EVENT_COLOURS.items() if event == kind), GREY)


def _round5(value: float) -> float:
    return float(f"{value:.5g}")


_LINK_KINDS: tuple[SpanKind, ...] = ("downlink", "queueing", "uplink")
_STYLES: dict[SpanKind, tuple[str, float]] = {
    "compute": ("", 1.0), "serving": ("", 0.4), "waiting": ("", 0.12),
    "downlink": ("/", 0.25), "queueing": ("", 0.35), "uplink": ("", 1.0),
    "down": ("x", 0.45), "link down": ("x", 0.3), "slow": ("/", 0.3), "handover": ("", 1.0),
}  # fmt: skip
"""Bar pattern (plotly's shape names) and opacity of each kind."""
_SWATCHES: dict[SpanKind, Swatch] = {
    "downlink": "hatch", "compute": "fill", "serving": "fill", "queueing": "fill", "uplink": "fill", "waiting": "fill",
    "down": "hatch", "link down": "hatch", "slow": "hatch", "handover": "fill",
}  # fmt: skip
_LABELS: dict[SpanKind, str] = {
    "serving": "serving children",
    "queueing": "queueing, sharing, latency",
    "down": "down or detached",
}
