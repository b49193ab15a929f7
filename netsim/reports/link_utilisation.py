"""How busy links are round by round, and how the sizes of messages are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netsim.reports import formatting
from netsim.reports.axes import column, decades, layout, numbers, thin
from netsim.reports.page_parts import Figure, Legend, Trace
from netsim.reports.palette import dash, layer_colour
from netsim.results.result import Direction, Result

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_SIZES = 200  # distinct sizes of a curve


def utilisation(result: Result) -> Figure | None:
    """Share of each finished round in which a link had a message under way, mean over a layer's senders."""
    done = result.messages[result.messages["round"].between(1, result.finished_rounds)]
    done = done[done["arrived_s"].notna()]
    if not len(done):
        return None
    lengths = result.rounds.set_index("round")["sim_time_s"].diff()
    traces: list[Trace] = []
    legend: list[Legend] = []
    means = []
    for layer, way, sent in _ways(result, done):
        share = busy_shares(sent) / sent["src"].nunique() / lengths.loc[1 : result.finished_rounds]
        share = share.fillna(0.0)
        kept = thin(len(share))
        name, colour = f"layer {layer} {way}", layer_colour(layer)
        means.append(f"{name} {formatting.percent(float(share.mean()))}")
        legend.append(Legend(name, "line" if way == "up" else "dashes", [colour], [len(traces)]))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": numbers(share.index.to_numpy(dtype=np.float64)[kept]),
                "y": numbers(100 * share.to_numpy(dtype=np.float64)[kept]),
                "line": {"color": colour, "width": 2, "dash": dash(way)},
                "hovertemplate": f"{name}: %{{y:.3g}} % in round %{{x}}<extra></extra>",
            }
        )
    frame = layout(340, "Global rounds", "Busy share of the round (%)")
    frame["yaxis"]["rangemode"] = "tozero"
    says = f"A link is busy from the instant a message is sent until it has arrived. On average {', '.join(means)}."
    return Figure("utilisation", "Link utilisation", says, traces, frame, legend)


def busy_shares(sent: DataFrame) -> Series[float]:
    """Busy seconds by round, summed over senders; overlapping transfers of one sender count once."""
    ordered = sent.sort_values(["round", "src", "sent_s"])
    over = ordered.groupby(["round", "src"])["arrived_s"].cummax()
    before = over.groupby([ordered["round"], ordered["src"]]).shift().fillna(-np.inf)
    begin = np.maximum(ordered["sent_s"], before)
    return (over - begin).clip(lower=0.0).groupby(ordered["round"]).sum()


def distribution(result: Result) -> Figure | None:
    """For every layer and direction the share of messages of at most so many payload bits; None if none has bits."""
    sent = result.messages[result.messages["payload_bits"] > 0]
    if not len(sent):
        return None
    traces: list[Trace] = []
    legend: list[Legend] = []
    for layer, way, mine in _ways(result, sent):
        x = np.sort(column(mine, "payload_bits"))
        kept = thin(len(x), _SIZES)
        name, colour = f"layer {layer} {way}", layer_colour(layer)
        legend.append(Legend(name, "line" if way == "up" else "dashes", [colour], [len(traces)]))
        share = 100 * (kept + 1) / len(x)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": numbers(np.concatenate([x[:1], x[kept]])),
                "y": numbers(np.concatenate([[0.0], share])),
                "line": {"color": colour, "width": 2, "dash": dash(way), "shape": "hv"},
                "hovertemplate": f"{name}: %{{y:.3g}} % have at most %{{x:.4g}} bit<extra></extra>",
            }
        )
    frame = layout(340, "Payload of a message (logarithmic)", "Messages of at most that size (%)")
    ends = float(sent["payload_bits"].min()), float(sent["payload_bits"].max())
    frame["xaxis"] |= decades(*ends, most=5)
    says = "Where a curve rises, messages of that size lie; a wall is a fixed size."
    return Figure("distribution", "Distribution of message sizes", says, traces, frame, legend)


def _ways(result: Result, sent: DataFrame) -> list[tuple[int, Direction, DataFrame]]:
    ways: tuple[Direction, Direction] = ("up", "down")
    keys = [(layer, way) for layer in range(1, result.depth + 1) for way in ways]
    found = [(n, way, sent[(sent["layer"] == n) & (sent["direction"] == way)]) for n, way in keys]
    return [entry for entry in found if len(entry[2])]
