"""Sizes of messages by layer and direction: payload and headers, range, and distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netsim.reports import formatting
from netsim.reports.axes import base_layout, column, log_axis, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.page_parts import Figure, LegendEntry, Table, Trace
from netsim.reports.palette import GREY, layer_colour, line_dash
from netsim.results.result import Direction, Result

if TYPE_CHECKING:
    from pandas import DataFrame

_MAX_SIZES = 200  # distinct sizes of a distribution curve


class Size(NamedTuple):
    """The messages of a layer in one direction; bits and seconds are of one message, a broadcast counts as one."""

    layer: int
    direction: Direction
    messages: int
    payload_bits: float
    smallest_bits: float
    largest_bits: float
    header_bits: float
    airtime_s: float
    total_bits: int

    @property
    def name(self) -> str:
        """The name of the layer and direction in all figures: `layer 1 up`."""
        return f"layer {self.layer} {self.direction}"


def messages_by_layer(result: Result, messages: DataFrame) -> list[tuple[int, Direction, DataFrame]]:
    """The messages of every layer and direction that has any, from the devices up, uplink first."""
    directions: tuple[Direction, Direction] = ("up", "down")
    keys = [(layer, direction) for layer in range(1, result.depth + 1) for direction in directions]
    groups = [
        (layer, direction, messages[(messages["layer"] == layer) & (messages["direction"] == direction)])
        for layer, direction in keys
    ]
    return [group for group in groups if len(group[2])]


def message_sizes(result: Result) -> list[Size]:
    """Mean, range and count of the messages of every layer and direction; empty if no message was sent."""
    return [_size(*group) for group in messages_by_layer(result, result.messages)]


def size_figure(sizes: list[Size]) -> Figure | None:
    """Payload and headers of one message on a logarithmic axis of bits; None if no message has bits."""
    bits = [value for size in sizes for value in (size.smallest_bits, size.largest_bits, size.header_bits)]
    positive = [value for value in bits if value > 0]
    if not positive:
        return None
    layout = base_layout(110 + 44 * len(sizes), "Bits of one message (logarithmic)")
    layout["xaxis"] |= log_axis(min(positive), max(positive), limit=5)
    layout["yaxis"] |= {"range": [len(sizes) - 0.5, -0.5], "fixedrange": True, "ticks": ""}
    colours = [layer_colour(size.layer) for size in sizes]
    discs = ["circle" if size.direction == "up" else "circle-open" for size in sizes]
    payload = _dots(sizes, "payload", [size.payload_bits for size in sizes], colours, discs)
    low = [size.payload_bits - size.smallest_bits for size in sizes]
    high = [size.largest_bits - size.payload_bits for size in sizes]
    payload["error_x"] = {"type": "data", "array": high, "arrayminus": low, "symmetric": False}
    payload["error_x"] |= {"color": GREY, "width": 0}
    headers = _dots(sizes, "headers", [size.header_bits for size in sizes], [GREY] * len(sizes), ["diamond"])
    legend = [
        LegendEntry("payload", "disc", [GREY], [0]),
        LegendEntry("packet headers", "diamond", [GREY], [1]),
    ]
    description = "; ".join(_summary(size) for size in sizes)
    return Figure("sizes", "Message sizes", f"{description}.", [payload, headers], layout, legend)


def size_table(sizes: list[Size]) -> Table:
    """The numbers of the figure and their totals."""
    header = ["", "Messages", "Payload each", "Headers each", "Airtime each", "Total payload"]
    return Table("Messages of the whole run", header, [_row(size) for size in sizes])


def size_distribution_figure(result: Result) -> Figure | None:
    """Cumulative distribution of payload bits for every layer and direction; None if no message has bits."""
    sent = result.messages[result.messages["payload_bits"] > 0]
    if not len(sent):
        return None
    traces: list[Trace] = []
    legend: list[LegendEntry] = []
    for layer, direction, messages in messages_by_layer(result, sent):
        x = np.sort(column(messages, "payload_bits"))
        points = thin(len(x), _MAX_SIZES)
        name, colour = f"layer {layer} {direction}", layer_colour(layer)
        legend.append(LegendEntry(name, "line" if direction == "up" else "dashes", [colour], [len(traces)]))
        share = 100 * (points + 1) / len(x)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": to_json_numbers(np.concatenate([x[:1], x[points]])),
                "y": to_json_numbers(np.concatenate([[0.0], share])),
                "line": {"color": colour, "width": 2, "dash": line_dash(direction), "shape": "hv"},
                "hovertemplate": f"{name}: %{{y:.3g}} % have at most %{{x:.4g}} bit<extra></extra>",
            }
        )
    layout = base_layout(340, "Payload of a message (logarithmic)", "Messages of at most that size (%)")
    ends = float(sent["payload_bits"].min()), float(sent["payload_bits"].max())
    layout["xaxis"] |= log_axis(*ends, limit=5)
    description = (
        "Cumulative distribution of the payload of a message; a vertical line means that all sizes are equal."
    )
    return Figure("distribution", "Distribution of message sizes", description, traces, layout, legend)


def _size(layer: int, direction: Direction, messages: DataFrame) -> Size:
    payload, wire = column(messages, "payload_bits"), column(messages, "wire_bits")
    extremes = float(payload.min()), float(payload.max())
    airtime_s = float(column(messages, "airtime_s").mean())
    headers, total = float((wire - payload).mean()), int(messages["payload_bits"].sum())
    return Size(layer, direction, len(payload), float(payload.mean()), *extremes, headers, airtime_s, total)


def _dots(
    sizes: list[Size], quantity: str, values: list[float], colours: list[str], symbols: list[str]
) -> Trace:
    marker = {
        "color": colours,
        "size": 11,
        "symbol": symbols * (len(sizes) // len(symbols)),
        "line": {"color": colours, "width": 2},
    }
    rows = [f"{size.name}<br>{formatting.count(size.messages)} sent" for size in sizes]
    texts = [
        f"{size.name}: {formatting.bits(value)} of {quantity}"
        for size, value in zip(sizes, values, strict=True)
    ]
    x = [value if value > 0 else None for value in values]
    style = {"type": "scatter", "mode": "markers", "name": quantity, "marker": marker, "hoverinfo": "text"}
    return {**style, "x": x, "y": rows, "hovertext": texts}


def _summary(size: Size) -> str:
    amount = f"{formatting.count(size.messages)} messages of {formatting.bits(size.payload_bits)}"
    return f"{size.name}: {amount} and {formatting.bits(size.header_bits)} of headers"


def _row(size: Size) -> list[str]:
    each = formatting.bits(size.payload_bits)
    if size.smallest_bits != size.largest_bits:
        each += f" ({formatting.bits(size.smallest_bits)} to {formatting.bits(size.largest_bits)})"
    share = f" ({formatting.percent(size.header_bits / size.payload_bits)})" if size.payload_bits else ""
    headers = formatting.bits(size.header_bits) + share
    totals = formatting.seconds(size.airtime_s), formatting.bits(size.total_bits)
    return [size.name, formatting.count(size.messages), each, headers, *totals]
