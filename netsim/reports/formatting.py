"""Numbers as text with a unit: 34.5 Mbit, 18.2 s, 3.4 min."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SI_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_TIME_UNITS = ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d"))


class Scale(NamedTuple):
    """The unit of an axis: a value in base units divided by `size` is in `unit`."""

    size: float
    unit: str


def bits(value: float) -> str:
    """Bits with an SI prefix and three significant digits: `34.5 Mbit`."""
    return _scaled(bit_scale(value), value)


def seconds(value: float) -> str:
    """Seconds with three significant digits; minutes, hours and days from two of them on: `18.2 s`, `3.4 min`."""
    return _scaled(time_scale(value), value)


def count(value: int) -> str:
    """An integer with thousands separators: `12,800`."""
    return f"{value:,}"


def percent(share: float) -> str:
    """A share in 0 ... 1 as a percentage with two significant digits: `0.8 %`."""
    return f"{number(100 * share, 2)} %"


def accuracy(value: float) -> str:
    """An accuracy with three decimals: `0.940`."""
    return f"{value:.3f}" if math.isfinite(value) else "not finite"


def stop_reason(stopped_by: object) -> str:
    """The manifest's `stopped_by` as text: `target accuracy`."""
    return str(stopped_by).replace("_", " ")


def joules(value: float) -> str:
    """Joules with an SI prefix (microjoules and larger) and three significant digits: `12.5 kJ`."""
    return _scaled(joule_scale(value), value)


def joule_scale(largest: float) -> Scale:
    """As `bit_scale`, for joules, with milli and micro as well."""
    rounded = float(f"{abs(largest):.3g}")
    if 0 < rounded < 1:
        return Scale(1e-3, "mJ") if rounded >= 1e-3 else Scale(1e-6, "µJ")
    scale = bit_scale(largest)
    return Scale(scale.size, scale.unit.replace("bit", "J"))


def bit_scale(largest: float) -> Scale:
    """The unit in which the largest value of an axis has one to three digits before the decimal point."""
    size, prefix = 1.0, ""
    for power, candidate in enumerate(_SI_PREFIXES):
        # 999.6 kbit is displayed as 1 Mbit: compare the value rounded to three digits.
        if float(f"{abs(largest):.3g}") >= 1000.0**power:
            size, prefix = 1000.0**power, candidate
    return Scale(size, f"{prefix}bit")


def time_scale(largest: float) -> Scale:
    """The unit of a time axis; minutes, hours and days are used from two of them on."""
    rounded = float(f"{abs(largest):.3g}")
    if rounded == 0 or not math.isfinite(rounded):
        return Scale(1.0, "s")
    fitting = [
        Scale(size, unit) for size, unit in _TIME_UNITS if rounded >= (size if size <= 1 else 2 * size)
    ]
    return fitting[-1] if fitting else Scale(*_TIME_UNITS[0])


def number(value: float, significant: int = 3) -> str:
    """A decimal with `significant` digits; scientific notation below 1e-4 and from one million on."""
    if not math.isfinite(value):
        return "not finite"
    rounded = float(f"{value:.{significant}g}")
    if rounded and not 1e-4 <= abs(rounded) < 1e6:
        return f"{value:.{significant}g}"
    return f"{rounded:.12f}".rstrip("0").rstrip(".")


def _scaled(scale: Scale, value: float) -> str:
    return f"{number(value / scale.size)} {scale.unit}"


def to_json_numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Values with six significant digits; NaN and infinity, which JSON lacks, become None."""
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()]
