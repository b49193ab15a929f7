"""Colours that colour-blind readers can tell apart (Okabe and Ito 2008), used the same way in every figure.

A colour means a layer, but for the run's own curves; up is solid, down is dashed or hatched; grey is what
happens inside a node.
"""

from __future__ import annotations

from collections.abc import Sequence

from netsim.results.result import Direction

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
VERMILLION, SKY = "#D55E00", "#56B4E9"
PURPLE = "#CC79A7"
"""The run as a whole: no layer has it."""
INK = "#495057"
"""Marks of an instant."""
GREY = "#868E96"
"""Readable on white and on near black; stands for no layer."""


def layer_colour(layer: int) -> str:
    """The colour of layer 1 ... N; repeats after the fifth, so figures name the layer in words too."""
    order = (BLUE, ORANGE, GREEN, VERMILLION, SKY)
    return order[(layer - 1) % len(order)]


def dash(direction: Direction) -> str:
    """Line style of a direction."""
    return "solid" if direction == "up" else "dash"


def hatch(direction: Direction) -> str:
    """Bar pattern of a direction (plotly's shape names)."""
    return "" if direction == "up" else "/"


def setting_colours(count: int) -> list[str]:
    """Colours of a sweep's settings: apart from each other while they are few, else a ramp in their order.

    The ramp (blue, rose, orange) stays readable on white and on near black, and rises for colour-blind readers too.
    """
    if count <= len(_FEW):
        return list(_FEW[:count])
    return [_mixed(_RAMP, k / (count - 1)) for k in range(count)]


def algorithm_colours(names: Sequence[str]) -> list[str] | None:
    """Colours of algorithms beside one another, the same on every page; None for one, too many or equal ones.

    Every recipe has a colour of its own choice; where two of them want one, the later in ALGORITHMS takes the next
    that is free, and so do algorithms that are not in it.
    """
    if not 1 < len(names) <= len(_FEW) or len(set(names)) < len(names):
        return None
    known = [name for name in ALGORITHMS if name in names]
    taken: dict[str, int] = {}
    for name in (*known, *sorted(set(names) - set(known))):
        wished = ALGORITHMS.index(name) if name in known else 0
        slots = ((wished + k) % len(_FEW) for k in range(len(_FEW)))
        taken[name] = next(slot for slot in slots if slot not in taken.values())
    return [_FEW[taken[name]] for name in names]


def faint(colour: str, share: float) -> str:
    """The colour of a band behind a line, `share` of it opaque."""
    red, green, blue = _parts(colour)
    return f"rgba({red},{green},{blue},{share:g})"


_FEW = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
_RAMP = ("#3D7BD9", "#8F6AC0", "#CB558C", "#E0703C", "#D79A10")


def _mixed(ramp: tuple[str, ...], at: float) -> str:
    place = at * (len(ramp) - 1)
    low = min(int(place), len(ramp) - 2)
    pairs = zip(_parts(ramp[low]), _parts(ramp[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02X}" for a, b in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


ALGORITHMS = (
    "qmlhfl", "fedavg", "hier_favg", "hier_sign_sgd", "hier_local_qsgd",
    "qhetfed", "sign_sgd", "mtgc", "dc_hier_sign_sgd", "scaffold", "fedprox", "fedopt",
)  # fmt: skip
"""Recipes in the order in which they choose their colours: those most often compared differ."""
