"""A round as a Gantt chart: what every node does when, told from the messages that it sent and heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from netsim.reports import formatting
from netsim.reports.activity_fit import SLACK_S, ActivityInterval
from netsim.reports.axes import layout, thin
from netsim.reports.event_marks import COLOURS, EventKind, spells, within
from netsim.reports.labels import ticks
from netsim.reports.node_activity import NodeActivities
from netsim.reports.page_parts import ON_PAPER, Change, Chooser, Figure, Legend, Swatch, Trace
from netsim.reports.palette import GREY, faint, layer_colour
from netsim.reports.tree_layout import family, in_order
from netsim.results.result import Result

if TYPE_CHECKING:
    import networkx as nx

Doing = Literal["downlink", "uplink", "queueing", "compute", "serving", "waiting"] | EventKind

_ROWS = 60  # nodes drawn
_STRETCHES = 3_000  # of a round; more are not seen, and a browser takes seconds for them
_PAGE = 20_000  # stretches of all rounds on the slider


class ActivitySpan(NamedTuple):
    """What a node does from one instant to another; `layer` of the link, 0 where none is used."""

    node: str
    doing: Doing
    layer: int
    begin_s: float
    end_s: float


class Timeline(NamedTuple):
    """The nodes that are drawn, in order, and the stretches of each drawn round by its number."""

    nodes: list[str]
    rounds: dict[int, list[ActivitySpan]]
    all_nodes: int


def timeline(result: Result, turn: int | None = None) -> Timeline | None:
    """As many evenly spread rounds as a page can hold, round `turn` among them; None without a finished round."""
    tree = family(result)
    if not result.finished_rounds or not len(tree):
        return None
    rounds, nodes = Rounds(result, tree), _chosen(result, tree)
    first = rounds.stretches(nodes, turn or 1)
    while len(first) > _STRETCHES and len(nodes) > 6:
        nodes = _chosen(result, tree, len(nodes) * 2 // 3)
        first = rounds.stretches(nodes, turn or 1)
    most = max(1, min(400, _PAGE // max(len(first), 1)))
    picked = {int(k) + 1 for k in thin(result.finished_rounds, most)} | ({turn} if turn else set())
    drawn = {k: rounds.stretches(nodes, k)[:_STRETCHES] for k in sorted(picked)}
    return Timeline(nodes, drawn, len(tree))


class Rounds:
    """The rounds of a run, each taken apart into what its nodes did."""

    def __init__(self, result: Result, tree: nx.DiGraph[str]) -> None:
        self._lives = NodeActivities(result, tree)
        self._ends_s = result.rounds["sim_time_s"].tolist()
        self._tree = tree
        self._spells = spells(result.events)

    def stretches(self, nodes: Sequence[str], turn: int) -> list[ActivitySpan]:
        """What `nodes` do in round `turn`, seconds from its start; they follow each other without a gap.

        After a message from above a node works until it answers, or until nobody waits for it any more; then it
        waits to be spoken to. A transfer that takes longer than its airtime queued, shared the medium or was on its
        way.
        """
        span_s = self._ends_s[turn - 1], self._ends_s[turn]
        found: list[ActivitySpan] = []
        for node in nodes:
            stays = self._lives.round_of(node, turn)
            found += _life(node, stays, bool(self._tree.out_degree(node)), *span_s)
        drawn = set(nodes)
        befell = [spell for spell in within(self._spells, *span_s) if spell.node in drawn]
        return found + [ActivitySpan(one.node, one.befell, 0, one.begin_s, one.end_s) for one in befell]


def gantt_chooser(found: Timeline) -> Chooser:
    """Which round is drawn."""
    return Chooser("gantt", "Round", [f"round {k}" for k in found.rounds], "slider")


def gantt(found: Timeline, depth: int) -> Figure:
    """The chart; a row per node, from the top of the tree down."""
    longest = max(s.end_s for stretches in found.rounds.values() for s in stretches)
    scale = formatting.time_scale(longest)
    rows = {node: k for k, node in enumerate(found.nodes)}
    kinds: list[tuple[Doing, int]] = [("compute", 0), ("serving", 0), ("waiting", 0)]
    kinds += [(doing, n) for n in range(1, depth + 1) for doing in _LINKED]
    seen = {s.doing for stretches in found.rounds.values() for s in stretches}
    kinds += [(befell, 0) for befell in COLOURS if befell in seen]
    traces = [_bars(doing, layer, scale) for doing, layer in kinds]
    changes = [_drawn(stretches, kinds, rows, scale) for stretches in found.rounds.values()]
    for name, values in changes[0].traces.items():
        for trace, value in zip(traces, values, strict=True):
            trace[name] = value
    frame = layout(110 + 16 * len(rows), f"Time since the start of the round ({scale.unit})")
    frame["xaxis"]["range"] = [0, 1.01 * longest / scale.size]
    rows_named = {"tickvals": list(rows.values()), "ticktext": ticks(list(rows))}
    frame["yaxis"] |= {
        "range": [len(rows) - 0.5, -0.5],
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "tickfont": {"size": 10},
    }
    frame["yaxis"] |= rows_named
    frame |= {"barmode": "overlay"}
    says = (
        f"What {len(rows)} of {found.all_nodes} nodes do in a round of choice, each in a row; "
        f"the longest takes {formatting.seconds(longest)}."
    )
    return Figure("gantt", "Timeline of a round", says, traces, frame, _legend(kinds), {"gantt": changes})


def _chosen(result: Result, tree: nx.DiGraph[str], most: int = _ROWS) -> list[str]:
    """All nodes below the root, or those that wait least and everyone above them."""
    from networkx import ancestors

    order = [node for node in in_order(tree) if tree.in_degree(node)]
    if len(order) <= most:
        return order
    slow = result.nodes[result.nodes["level"] == 0].groupby("node")["waiting_s"].mean().sort_values()
    kept: set[str] = set()
    for device in slow.index:
        family_line = {device, *ancestors(tree, device)} if device in tree else set()
        if len(kept | family_line) > most + 1:  # the root is among them and is not drawn
            break
        kept |= family_line
    return [node for node in order if node in kept]


def _life(
    node: str, stays: Sequence[ActivityInterval], serves: bool, start_s: float, end_s: float
) -> list[ActivitySpan]:
    now_s = start_s
    life: list[ActivitySpan] = []
    for stay in stays:
        life.append(ActivitySpan(node, "waiting", 0, now_s, stay.begin_s))
        if stay.at == "busy":
            life.append(ActivitySpan(node, "serving" if serves else "compute", 0, stay.begin_s, stay.end_s))
        else:
            link: Doing = "uplink" if stay.at == "sending" else "downlink"
            life.append(ActivitySpan(node, "queueing", stay.layer, stay.begin_s, stay.served_s))
            life.append(ActivitySpan(node, link, stay.layer, stay.served_s, stay.end_s))
        now_s = stay.end_s
    life.append(ActivitySpan(node, "waiting", 0, now_s, end_s))
    return [
        s._replace(begin_s=s.begin_s - start_s, end_s=s.end_s - start_s)
        for s in life
        if s.end_s - s.begin_s > SLACK_S
    ]


def _drawn(
    found: Sequence[ActivitySpan],
    kinds: Sequence[tuple[Doing, int]],
    rows: dict[str, int],
    scale: formatting.Scale,
) -> Change:
    parts = {kind: [s for s in found if (s.doing, s.layer) == kind] for kind in kinds}
    base = [[_short(s.begin_s / scale.size) for s in parts[kind]] for kind in kinds]
    length = [[_short((s.end_s - s.begin_s) / scale.size) for s in parts[kind]] for kind in kinds]
    return Change({"base": base, "x": length, "y": [[rows[s.node] for s in parts[kind]] for kind in kinds]})


def _bars(doing: Doing, layer: int, scale: formatting.Scale) -> Trace:
    colour = _colour(doing, layer)
    shape, strength = _LOOKS[doing]
    marker: dict[str, Any] = {"color": faint(colour, strength), "line": {"width": 0}}
    if shape:
        marker["pattern"] = {
            "shape": shape,
            "size": 5,
            "solidity": 0.35,
            "fillmode": "overlay",
            "fgcolor": colour,
        }
    name = f"layer {layer} {doing}" if layer else doing
    hover = f"{name}: %{{x:.4g}} {scale.unit} from %{{base:.4g}} {scale.unit}, %{{y}}<extra></extra>"
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "width": 0.75,
        "marker": marker,
        "hovertemplate": hover,
    }
    return bar | ({"meta": ON_PAPER} if shape else {})


def _legend(kinds: Sequence[tuple[Doing, int]]) -> list[Legend]:
    """One button per kind of doing; colours are layers."""
    entries = []
    for doing, swatch in _SWATCHES.items():
        mine = [k for k, kind in enumerate(kinds) if kind[0] == doing]
        layers = dict.fromkeys(kinds[k][1] for k in mine)
        strength = 1.0 if _LOOKS[doing][0] else _LOOKS[doing][1]
        if not mine:
            continue
        colours = [faint(_colour(doing, n), strength) for n in layers]
        entries.append(Legend(_WORDS.get(doing, doing), swatch, colours, mine))
    return entries


def _colour(doing: Doing, layer: int) -> str:
    if layer:
        return layer_colour(layer)
    return next((colour for befell, colour in COLOURS.items() if befell == doing), GREY)


def _short(value: float) -> float:
    return float(f"{value:.5g}")


_LINKED: tuple[Doing, ...] = ("downlink", "queueing", "uplink")
_LOOKS: dict[Doing, tuple[str, float]] = {
    "compute": ("", 1.0), "serving": ("", 0.4), "waiting": ("", 0.12),
    "downlink": ("/", 0.25), "queueing": ("", 0.35), "uplink": ("", 1.0),
    "down": ("x", 0.45), "link down": ("x", 0.3), "slow": ("/", 0.3), "handover": ("", 1.0),
}  # fmt: skip
_SWATCHES: dict[Doing, Swatch] = {
    "downlink": "hatch", "compute": "fill", "serving": "fill", "queueing": "fill", "uplink": "fill", "waiting": "fill",
    "down": "hatch", "link down": "hatch", "slow": "hatch", "handover": "fill",
}  # fmt: skip
_WORDS: dict[Doing, str] = {
    "serving": "serving its children",
    "queueing": "queueing, sharing, latency",
    "down": "down, or out of reach",
}
