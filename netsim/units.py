"""Quantities with units: text such as `20 MHz` in scenario files, SI floats in the code.

Every dimension has one closed table of units: `20 mhz` is an error naming `MHz`. Field types such as `FrequencyHz` act
in pydantic only: there they read text with a unit. Python callers pass SI floats, checked by `check_quantities`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TEXT = re.compile(rf"\s*({_NUMBER})\s*([^\s0-9.][^\s]*)?\s*")
_LONGEST_TEXT = 80
SMALLEST, LARGEST = 1e-30, 1e30
"""Range of the SI values of all unsigned quantities other than 0: products of a few remain finite numbers."""
MAX_DB = 300.0
"""Largest magnitude of a level or gain, dB: a ratio of 1e30."""


@dataclass(frozen=True)
class Dimension:
    """A dimension: its name, its units as exact multiples of the SI unit, and an example for messages."""

    noun: str
    units: Mapping[str, Fraction]
    example: str
    display_units: tuple[str, ...]
    """Units used by `render`, largest first; each a power of ten."""
    signed: bool = False
    conversions: Mapping[str, Callable[[float], float]] = field(default_factory=dict)
    """Units that are not multiples of the SI unit: dBm for a power in W, W for a level in dBm."""


def parse(text: object, dimension: str) -> float:
    """The SI value of text such as `"20 MHz"`, correctly rounded (`dBm` for dimension `power level`).

    Raises:
        ValueError: no unit, unknown unit or unit of another dimension, not finite, outside SMALLEST to LARGEST or
            MAX_DB, or negative for an unsigned dimension.
    """
    table = DIMENSIONS[dimension]
    if not isinstance(text, str) or isinstance(text, bool):
        raise ValueError(f"a {table.noun} needs a unit, got {text!r}; write e.g. {table.example}")
    match = _TEXT.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is not a {table.noun}; write e.g. {table.example}")
    number, unit = match.groups()
    if unit is None:
        raise ValueError(f"a {table.noun} needs a unit, got {text.strip()}; write e.g. {table.example}")
    value = _convert(number, unit, text.strip(), table)
    if rule := _violated_rule(value, table):
        raise ValueError(f"a {table.noun} must be {rule}, got {text.strip()}")
    return value


def _violated_rule(value: float, table: Dimension) -> str | None:
    """The rule of the dimension that an SI value violates, if any."""
    if not math.isfinite(value):
        return "finite"
    if table.signed:
        rule = f"between -{MAX_DB:g} and {MAX_DB:g} {table.display_units[0]}"
        return None if abs(value) <= MAX_DB else rule
    if value < 0:
        return ">= 0"
    unit = next(unit for unit, scale in table.units.items() if scale == 1)
    in_range = value == 0 or SMALLEST <= value <= LARGEST
    return None if in_range else f"0 or between {SMALLEST:g} and {LARGEST:g} {unit}"


def render(value: float, dimension: str) -> str:
    """The text of an SI value in a suitable unit; `parse(render(x, d), d) == x` exactly.

    Raises:
        ValueError: value is not finite.
    """
    table = DIMENSIONS[dimension]
    if not math.isfinite(value):
        raise ValueError(f"a {table.noun} must be finite, got {value!r}")
    exact = Decimal(repr(float(value)))
    unit = next((u for u in table.display_units if abs(value) >= table.units[u]), table.display_units[-1])
    if value == 0:
        unit = next(u for u in table.display_units if table.units[u] == 1)
    number = exact.scaleb(-_power_of_ten(table.units[unit])).normalize()
    plain = -7 <= number.adjusted() <= 15
    return f"{number:f} {unit}" if plain else f"{number} {unit}"


@dataclass(frozen=True)
class Quantity:
    """Marks a float field as a quantity: `Annotated[float, Quantity("frequency", positive=True)]`.

    In pydantic the field is read from text with a unit and written as text; its JSON schema has a pattern.
    """

    dimension: str
    positive: bool = False

    def parse(self, text: object) -> float:
        """The SI float of `text`. Raises ValueError with value, rule and remedy."""
        value = parse(text, self.dimension)
        if self.positive and value <= 0:
            raise ValueError(f"a {DIMENSIONS[self.dimension].noun} must be > 0 here, got {str(text).strip()}")
        return value

    def render(self, value: object) -> object:
        """The text of a float; anything else (None, a keyword) unchanged."""
        return render(value, self.dimension) if isinstance(value, (int, float)) else value

    def check(self, value: float, name: str) -> None:
        """Check an SI float by the rules for text. Raises ValueError."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number in SI units, got {value!r}")
        if self.positive and value <= 0:
            raise ValueError(f"{name} must be > 0, got {render(value, self.dimension)}")
        if rule := _violated_rule(value, DIMENSIONS[self.dimension]):
            raise ValueError(f"{name} must be {rule}, got {render(value, self.dimension)}")

    def pattern(self) -> str:
        """A regular expression (ECMA and Python) that accepts well-formed text of this dimension."""
        table = DIMENSIONS[self.dimension]
        units = "|".join(re.escape(unit) for unit in (*table.units, *table.conversions))
        return rf"^\s*{_NUMBER}\s*(?:{units})\s*$"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(self.render)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        example = DIMENSIONS[self.dimension].example
        return {"type": "string", "pattern": self.pattern(), "examples": [example]}


def check_quantities(part: object) -> None:
    """Check every quantity field of a dataclass instance (call it from `__post_init__`).

    Raises:
        ValueError: naming the field, its value and the rule.
    """
    for name, quantity in quantities(type(part)):
        value = getattr(part, name)
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if one is not None and not isinstance(one, str):
                quantity.check(one, name)


def _convert(number: str, unit: str, text: str, table: Dimension) -> float:
    try:
        if unit in table.units:
            return float(Fraction(number) * table.units[unit])
        if unit in table.conversions:
            return table.conversions[unit](float(number))
    except OverflowError:
        return math.inf
    raise ValueError(_unknown(unit, text, table))


def _unknown(unit: str, text: str, table: Dimension) -> str:
    own = (*table.units, *table.conversions)
    same = [u for u in own if u.lower() == unit.lower()]
    close = list(dict.fromkeys([*same, *difflib.get_close_matches(unit, own, n=2, cutoff=0.78)]))
    other = next((d.noun for d in DIMENSIONS.values() if unit in d.units), None)
    if other is not None:
        return f"{text} is a {other}, but a {table.noun} is wanted; write e.g. {table.example}"
    remedy = f"did you mean {', '.join(close)}?" if close else f"known units: {', '.join(own)}"
    return f"unknown {table.noun} unit {unit!r} in {text!r}; {remedy}"


def _power_of_ten(scale: Fraction) -> int:
    return round(math.log10(scale))


def quantities(kind: type) -> tuple[tuple[str, Quantity], ...]:
    """The fields of a class that hold quantities, each with its quantity."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((name, quantity) for name, hint in hints.items() for quantity in _quantities_of(hint))


def _quantities_of(hint: Any) -> Iterator[Quantity]:
    own = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Quantity)]
    yield from own or dict.fromkeys(mark for arg in get_args(hint) for mark in _quantities_of(arg))


def w_from_dbm(level_dbm: float) -> float:
    """Watts of a power level: 10^((P - 30)/10)."""
    return float(10.0 ** ((level_dbm - 30.0) / 10.0))


def dbm_from_w(power_w: float) -> float:
    """Power level in dBm of watts > 0: 10 log10(P) + 30. Raises ValueError for 0 or less."""
    if power_w <= 0:
        raise ValueError(f"a power level must be > 0 W, got {power_w:g} W; write it in dBm or as power > 0")
    return 10.0 * math.log10(power_w) + 30.0


def _table(**units: str | int) -> dict[str, Fraction]:
    return {name.replace("_per_", "/"): Fraction(scale) for name, scale in units.items()}


_BITS = _table(bit=1, kbit="1e3", Mbit="1e6", Gbit="1e9")
_BYTES = _table(B=8, kB="8e3", MB="8e6", GB="8e9")
_SMALL_JOULES = {"mJ": "1e-3", "uJ": "1e-6", "nJ": "1e-9"}
_POWERS = _table(kW="1e3", W=1, mW="1e-3", uW="1e-6")

DIMENSIONS: dict[str, Dimension] = {
    "frequency": Dimension(
        "frequency", _table(GHz="1e9", MHz="1e6", kHz="1e3", Hz=1), "20 MHz", ("GHz", "MHz", "kHz", "Hz")
    ),
    "time": Dimension(
        "time",
        _table(d=86400, h=3600, min=60, s=1, ms="1e-3", us="1e-6", ns="1e-9"),
        "5 ms",
        ("s", "ms", "us", "ns"),
    ),
    "rate": Dimension(
        "rate",
        {f"{unit}/s": scale for unit, scale in {**_BITS, **_BYTES}.items()}
        | _table(bps=1, kbps="1e3", Mbps="1e6", Gbps="1e9"),
        "100 Mbit/s",
        ("Gbit/s", "Mbit/s", "kbit/s", "bit/s"),
    ),
    "power": Dimension("power", _POWERS, "200 mW", ("kW", "W", "mW", "uW"), conversions={"dBm": w_from_dbm}),
    "power level": Dimension(
        "power level",
        _table(dBm=1),
        "23 dBm",
        ("dBm",),
        signed=True,
        conversions={
            "kW": lambda x: dbm_from_w(x * 1e3),
            "W": dbm_from_w,
            "mW": lambda x: dbm_from_w(x / 1e3),
            "uW": lambda x: dbm_from_w(x / 1e6),
        },
    ),
    "gain": Dimension("gain", _table(dB=1, dBi=1), "5 dB", ("dB",), signed=True),
    "flop rate": Dimension(
        "flop rate",
        _table(TFLOP_per_s="1e12", GFLOP_per_s="1e9", MFLOP_per_s="1e6", FLOP_per_s=1),
        "2 GFLOP/s",
        ("TFLOP/s", "GFLOP/s", "MFLOP/s", "FLOP/s"),
    ),
    "distance": Dimension("distance", _table(km="1e3", m=1), "250 m", ("km", "m")),
    "speed": Dimension("speed", {"m/s": Fraction(1), "km/h": Fraction(5, 18)}, "3 m/s", ("m/s",)),
    "energy": Dimension("energy", _table(Wh=3600, kJ="1e3", J=1, mJ="1e-3"), "5 J", ("kJ", "J", "mJ")),
    "energy per bit": Dimension(
        "energy per bit",
        {"J/bit": Fraction(1), **{f"{unit}/bit": Fraction(scale) for unit, scale in _SMALL_JOULES.items()}},
        "3 uJ/bit",
        ("J/bit", "mJ/bit", "uJ/bit", "nJ/bit"),
    ),
    "size": Dimension("size", {**_BITS, **_BYTES}, "8 Mbit", ("Gbit", "Mbit", "kbit", "bit")),
}

FrequencyHz = Annotated[float, Quantity("frequency", positive=True)]
TimeS = Annotated[float, Quantity("time")]
DurationS = Annotated[float, Quantity("time", positive=True)]
RateBps = Annotated[float, Quantity("rate", positive=True)]
PowerW = Annotated[float, Quantity("power")]
PowerDbm = Annotated[float, Quantity("power level")]
GainDb = Annotated[float, Quantity("gain")]
FlopRate = Annotated[float, Quantity("flop rate", positive=True)]
DistanceM = Annotated[float, Quantity("distance", positive=True)]
SpeedMps = Annotated[float, Quantity("speed", positive=True)]
EnergyJ = Annotated[float, Quantity("energy")]
EnergyPerBitJ = Annotated[float, Quantity("energy per bit")]
SizeBits = Annotated[float, Quantity("size")]
