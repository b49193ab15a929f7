"""Colours and line styles of the figures: a palette for colour-blind readers (Okabe and Ito 2008).

A colour denotes a layer, except in curves of a whole run. Uplinks are solid, downlinks dashed or hatched; grey denotes
activities inside a node.
"""

from __future__ import annotations

from collections.abc import Sequence

from netsim.results.result import Direction

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILLION, SKY = "#D55E00", "#56B4E9"
PURPLE = "#CC79A7"
"""Curves of a whole run; not the colour of a layer."""
INK = "#495057"
"""Marks of single instants."""
GREY = "#868E96"
"""Legible on a white and on a dark page; not the colour of a layer."""


def layer_colour(layer: int) -> str:
    """The colour of layer 1 ... N; colours repeat after the fifth layer, so labels name the layer as well."""
    order = (BLUE, ORANGE, GREEN, VERMILLION, SKY)
    return order[(layer - 1) % len(order)]


def line_dash(direction: Direction) -> str:
    """Line style of a direction (plotly's dash names)."""
    return "solid" if direction == "up" else "dash"


def bar_pattern(direction: Direction) -> str:
    """Bar pattern of a direction (plotly's shape names)."""
    return "" if direction == "up" else "/"


def setting_colours(count: int) -> list[str]:
    """Colours of `count` settings of a sweep: categorical for up to five, else a sequential scale in their order.

    The scale (blue, rose, orange) is legible on a white and on a dark page and monotonic for colour-blind readers.
    """
    if count <= len(_CATEGORICAL):
        return list(_CATEGORICAL[:count])
    return [_interpolate(_SEQUENTIAL, k / (count - 1)) for k in range(count)]


def algorithm_colours(names: Sequence[str]) -> list[str] | None:
    """Colours of compared algorithms, the same on every page; None for one name, for more than five, or for duplicates.

    Every recipe of `ALGORITHMS` has a preferred colour. If two of them prefer the same one, the later in the list gets
    the next free colour, as do algorithms that are not in the list.
    """
    if not 1 < len(names) <= len(_CATEGORICAL) or len(set(names)) < len(names):
        return None
    listed = [name for name in ALGORITHMS if name in names]
    slots_by_name: dict[str, int] = {}
    for name in (*listed, *sorted(set(names) - set(listed))):
        preferred = ALGORITHMS.index(name) if name in listed else 0
        slots = ((preferred + k) % len(_CATEGORICAL) for k in range(len(_CATEGORICAL)))
        slots_by_name[name] = next(slot for slot in slots if slot not in slots_by_name.values())
    return [_CATEGORICAL[slots_by_name[name]] for name in names]


def with_opacity(colour: str, opacity: float) -> str:
    """The colour with an opacity in 0 ... 1, for bands and light bars."""
    red, green, blue = _rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


_CATEGORICAL = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
_SEQUENTIAL = ("#3D7BD9", "#8F6AC0", "#CB558C", "#E0703C", "#D79A10")


def _interpolate(colours: tuple[str, ...], position: float) -> str:
    scaled = position * (len(colours) - 1)
    low = min(int(scaled), len(colours) - 2)
    pairs = zip(_rgb(colours[low]), _rgb(colours[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (scaled - low)):02X}" for a, b in pairs)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


ALGORITHMS = (
    "qmlhfl", "fedavg", "hier_favg", "hier_sign_sgd", "hier_local_qsgd",
    "qhetfed", "sign_sgd", "mtgc", "dc_hier_sign_sgd", "scaffold", "fedprox", "fedopt",
)  # fmt: skip
"""Recipes in the order of their preferred colours, so that recipes often compared with each other differ."""
