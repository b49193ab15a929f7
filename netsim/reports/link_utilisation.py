"""Utilisation of the links of each layer, round by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from netsim.reports import formatting
from netsim.reports.axes import base_layout, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.message_sizes import messages_by_layer
from netsim.reports.page_parts import Figure, LegendEntry, Trace
from netsim.reports.palette import layer_colour, line_dash
from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def utilisation_figure(result: Result) -> Figure | None:
    """Share of each finished round in which a link carried a message, mean over the senders of a layer."""
    arrived = result.messages[result.messages["round"].between(1, result.finished_rounds)]
    arrived = arrived[arrived["arrived_s"].notna()]
    if not len(arrived):
        return None
    round_durations_s = result.rounds.set_index("round")["sim_time_s"].diff()
    traces: list[Trace] = []
    legend: list[LegendEntry] = []
    means = []
    for layer, direction, messages in messages_by_layer(result, arrived):
        seconds = busy_seconds(messages) / messages["src"].nunique()
        share = (seconds / round_durations_s.loc[1 : result.finished_rounds]).fillna(0.0)
        points = thin(len(share))
        name, colour = f"layer {layer} {direction}", layer_colour(layer)
        means.append(f"{name} {formatting.percent(float(share.mean()))}")
        legend.append(LegendEntry(name, "line" if direction == "up" else "dashes", [colour], [len(traces)]))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": to_json_numbers(share.index.to_numpy(dtype=np.float64)[points]),
                "y": to_json_numbers(100 * share.to_numpy(dtype=np.float64)[points]),
                "line": {"color": colour, "width": 2, "dash": line_dash(direction)},
                "hovertemplate": f"{name}: %{{y:.3g}} % in round %{{x}}<extra></extra>",
            }
        )
    layout = base_layout(340, "Global rounds", "Busy share of the round (%)")
    layout["yaxis"]["rangemode"] = "tozero"
    description = f"A link is busy while a message is in transit. Mean over the rounds: {', '.join(means)}."
    return Figure("utilisation", "Link utilisation", description, traces, layout, legend)


def busy_seconds(messages: DataFrame) -> Series[float]:
    """Busy seconds by round, summed over senders; overlapping transfers of one sender are counted once."""
    ordered = messages.sort_values(["round", "src", "sent_s"])
    busy_until = ordered.groupby(["round", "src"])["arrived_s"].cummax()
    previous = busy_until.groupby([ordered["round"], ordered["src"]]).shift().fillna(-np.inf)
    begin = np.maximum(ordered["sent_s"], previous)
    return (busy_until - begin).clip(lower=0.0).groupby(ordered["round"]).sum()
