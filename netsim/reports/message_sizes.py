"""How large messages are: payload against headers, per layer and direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import column, decades, layout
from netsim.reports.page_parts import Figure, Legend, Table, Trace
from netsim.reports.palette import GREY, layer_colour
from netsim.results.result import Direction, Result

if TYPE_CHECKING:
    from pandas import DataFrame


class Size(NamedTuple):
    """The messages of a layer in one direction; bits and seconds are of one message (a broadcast is one)."""

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
        """As in the other figures: `layer 1 up`."""
        return f"layer {self.layer} {self.direction}"


def message_sizes(result: Result) -> list[Size]:
    """Mean, range and count of every layer's messages, from the devices up; empty if none was sent."""
    ways: tuple[Direction, Direction] = ("up", "down")
    keys = [(layer, way) for layer in range(1, result.depth + 1) for way in ways]
    sent = result.messages
    found = [(n, way, sent[(sent["layer"] == n) & (sent["direction"] == way)]) for n, way in keys]
    return [_size(layer, way, messages) for layer, way, messages in found if len(messages)]


def size_figure(sizes: list[Size]) -> Figure | None:
    """Payload and headers of one message on a logarithmic axis of bits; None if no message has bits."""
    bits = [value for size in sizes for value in (size.smallest_bits, size.largest_bits, size.header_bits)]
    positive = [value for value in bits if value > 0]
    if not positive:
        return None
    frame = layout(110 + 44 * len(sizes), "Bits of one message (logarithmic)")
    frame["xaxis"] |= decades(min(positive), max(positive), most=5)
    frame["yaxis"] |= {"range": [len(sizes) - 0.5, -0.5], "fixedrange": True, "ticks": ""}
    colours = [layer_colour(size.layer) for size in sizes]
    discs = ["circle" if size.direction == "up" else "circle-open" for size in sizes]
    payload = _dots(sizes, "payload", [size.payload_bits for size in sizes], colours, discs)
    low = [size.payload_bits - size.smallest_bits for size in sizes]
    high = [size.largest_bits - size.payload_bits for size in sizes]
    payload["error_x"] = {"type": "data", "array": high, "arrayminus": low, "symmetric": False}
    payload["error_x"] |= {"color": GREY, "width": 0}
    headers = _dots(sizes, "headers", [size.header_bits for size in sizes], [GREY] * len(sizes), ["diamond"])
    legend = [Legend("payload", "disc", [GREY], [0]), Legend("packet headers", "diamond", [GREY], [1])]
    says = "; ".join(_sentence(size) for size in sizes)
    return Figure("sizes", "Message sizes", f"{says}.", [payload, headers], frame, legend)


def size_table(sizes: list[Size]) -> Table:
    """The numbers of the figure and what they add up to."""
    heads = ["", "Messages", "Payload each", "Headers each", "Airtime each", "Payload in all"]
    return Table("Messages of the whole run", heads, [_row(size) for size in sizes])


def _size(layer: int, direction: Direction, messages: DataFrame) -> Size:
    payload, wire = column(messages, "payload_bits"), column(messages, "wire_bits")
    spread = float(payload.min()), float(payload.max())
    airtime_s = float(column(messages, "airtime_s").mean())
    headers, total = float((wire - payload).mean()), int(messages["payload_bits"].sum())
    return Size(layer, direction, len(payload), float(payload.mean()), *spread, headers, airtime_s, total)


def _dots(sizes: list[Size], what: str, values: list[float], colours: list[str], symbols: list[str]) -> Trace:
    marker = {
        "color": colours,
        "size": 11,
        "symbol": symbols * (len(sizes) // len(symbols)),
        "line": {"color": colours, "width": 2},
    }
    rows = [f"{size.name}<br>{formatting.count(size.messages)} sent" for size in sizes]
    texts = [
        f"{size.name}: {formatting.bits(value)} of {what}" for size, value in zip(sizes, values, strict=True)
    ]
    x = [value if value > 0 else None for value in values]
    style = {"type": "scatter", "mode": "markers", "name": what, "marker": marker, "hoverinfo": "text"}
    return {**style, "x": x, "y": rows, "hovertext": texts}


def _sentence(size: Size) -> str:
    amount = f"{formatting.count(size.messages)} messages of {formatting.bits(size.payload_bits)}"
    return f"{size.name}: {amount} and {formatting.bits(size.header_bits)} of headers"


def _row(size: Size) -> list[str]:
    each = formatting.bits(size.payload_bits)
    if size.smallest_bits != size.largest_bits:
        each += f" ({formatting.bits(size.smallest_bits)} to {formatting.bits(size.largest_bits)})"
    share = f" ({formatting.percent(size.header_bits / size.payload_bits)})" if size.payload_bits else ""
    headers = formatting.bits(size.header_bits) + share
    times = formatting.seconds(size.airtime_s), formatting.bits(size.total_bits)
    return [size.name, formatting.count(size.messages), each, headers, *times]
