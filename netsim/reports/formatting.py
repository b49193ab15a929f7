"""Numbers as people say them: 34.5 Mbit, 18.2 s, 3.4 min."""

from __future__ import annotations

import math
from typing import NamedTuple

_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_CLOCK = ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d"))


class Scale(NamedTuple):
    """One unit for a whole axis: a value divided by `size` is in `unit`."""

    size: float
    unit: str


def bits(value: float) -> str:
    """Bits with an SI prefix and three digits: `34.5 Mbit`."""
    return _in(bit_scale(value), value)


def seconds(value: float) -> str:
    """Seconds below two minutes, then minutes, hours and days; three digits: `18.2 s`, `3.4 min`."""
    return _in(time_scale(value), value)


def count(value: int) -> str:
    """A whole number with thousands apart: `12,800`."""
    return f"{value:,}"


def percent(share: float) -> str:
    """A share as per cent, two digits: `0.8 %`."""
    return f"{digits(100 * share, 2)} %"


def score(value: float) -> str:
    """An accuracy, always three decimals: `0.940`."""
    return f"{value:.3f}" if math.isfinite(value) else "not finite"


def cause(stopped_by: object) -> str:
    """What ended a run, in words: `target accuracy`."""
    return str(stopped_by).replace("_", " ")


def joules(value: float) -> str:
    """Joules with an SI prefix, from microjoules up, and three digits: `12.5 kJ`."""
    return _in(joule_scale(value), value)


def joule_scale(largest: float) -> Scale:
    """As `bit_scale`, with prefixes below one too."""
    shown = float(f"{abs(largest):.3g}")
    if 0 < shown < 1:
        return Scale(1e-3, "mJ") if shown >= 1e-3 else Scale(1e-6, "µJ")
    scale = bit_scale(largest)
    return Scale(scale.size, scale.unit.replace("bit", "J"))


def bit_scale(largest: float) -> Scale:
    """The unit in which the largest value of an axis has one to three digits before the point."""
    size, prefix = 1.0, ""
    for power, prefix_ in enumerate(_PREFIXES):
        # 999.6 kbit reads 1 Mbit: compare what three digits show, not the value itself.
        if float(f"{abs(largest):.3g}") >= 1000.0**power:
            size, prefix = 1000.0**power, prefix_
    return Scale(size, f"{prefix}bit")


def time_scale(largest: float) -> Scale:
    """The unit of a time axis; minutes, hours and days only once there are two of them."""
    shown = float(f"{abs(largest):.3g}")
    if shown == 0 or not math.isfinite(shown):
        return Scale(1.0, "s")
    fitting = [Scale(size, unit) for size, unit in _CLOCK if shown >= (size if size <= 1 else 2 * size)]
    return fitting[-1] if fitting else Scale(*_CLOCK[0])


def digits(value: float, significant: int = 3) -> str:
    """A plain decimal of so many significant digits; never in powers of ten below a million."""
    if not math.isfinite(value):
        return "not finite"
    rounded = float(f"{value:.{significant}g}")
    if rounded and not 1e-4 <= abs(rounded) < 1e6:
        return f"{value:.{significant}g}"
    return f"{rounded:.12f}".rstrip("0").rstrip(".")


def _in(scale: Scale, value: float) -> str:
    return f"{digits(value / scale.size)} {scale.unit}"
