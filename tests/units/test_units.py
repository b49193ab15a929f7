"""Quantities: text with a unit is read as an SI float and written back."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from netsim.units import (
    DIMENSIONS,
    LARGEST,
    MAX_DB,
    SMALLEST,
    DistanceM,
    FrequencyHz,
    PowerDbm,
    Quantity,
    TimeS,
    check_quantities,
    parse,
    render,
)


class Radio(BaseModel):
    model_config = ConfigDict(frozen=True)
    band: FrequencyHz
    power: PowerDbm = 23.0
    latency: TimeS | None = None


@dataclass(frozen=True)
class Spot:
    radius: tuple[DistanceM, DistanceM] = (10.0, 250.0)
    latency: TimeS | None = None

    def __post_init__(self) -> None:
        check_quantities(self)


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("20 MHz", "frequency", 2e7),
        ("5 ms", "time", 0.005),
        ("5 min", "time", 300.0),
        ("1.5h", "time", 5400.0),
        ("100 Mbit/s", "rate", 1e8),
        ("100 Mbps", "rate", 1e8),
        ("1 MB/s", "rate", 8e6),
        ("200 mW", "power", 0.2),
        ("30 dBm", "power", 1.0),
        ("1 W", "power level", 30.0),
        ("-10 dBm", "power level", -10.0),
        ("-3 dB", "gain", -3.0),
        ("5 dBi", "gain", 5.0),
        ("2 GFLOP/s", "flop rate", 2e9),
        ("1.2 km", "distance", 1200.0),
        ("36 km/h", "speed", 10.0),
        ("1 Wh", "energy", 3600.0),
        ("1 kB", "size", 8000.0),
    ],
)
def test_text_is_read_as_its_si_value(text: str, dimension: str, value: float) -> None:
    assert parse(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("100", "rate", "a rate needs a unit, got 100; write e.g. 100 Mbit/s"),
        (100, "rate", "a rate needs a unit, got 100; write e.g. 100 Mbit/s"),
        ("20 mhz", "frequency", "did you mean MHz?"),
        ("100 Mb/s", "rate", "did you mean MB/s, Mbit/s?"),
        ("100 mbit/s", "rate", "did you mean Mbit/s"),
        ("10 GHz", "rate", "10 GHz is a frequency, but a rate is wanted; write e.g. 100 Mbit/s"),
        ("5 parsecs", "time", "known units: d, h, min, s, ms, us, ns"),
        ("-5 ms", "time", "a time must be >= 0, got -5 ms"),
        ("nan s", "time", "'nan s' is not a time"),
        ("inf s", "time", "'inf s' is not a time"),
        ("9**9**9 s", "time", "is not a time"),
        ("1e999 s", "time", "a time must be finite"),
        ("1e999999 s", "time", "is not a time"),
        ("1e308 TFLOP/s", "flop rate", "must be finite"),
        ("0 W", "power level", "a power level must be > 0 W"),
        ("1e31 s", "time", "a time must be 0 or between 1e-30 and 1e+30 s, got 1e31 s"),
        ("1e-31 bit/s", "rate", "a rate must be 0 or between 1e-30 and 1e+30 bit/s, got 1e-31 bit/s"),
        ("5000 dBm", "power level", "a power level must be between -300 and 300 dBm, got 5000 dBm"),
        ("-301 dB", "gain", "a gain must be between -300 and 300 dB, got -301 dB"),
        (None, "time", "a time needs a unit, got None"),
    ],
)
def test_text_that_is_not_a_quantity_is_rejected_with_a_remedy(
    text: object, dimension: str, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text, dimension)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@given(level=st.floats(-MAX_DB, MAX_DB), amount=st.just(0.0) | st.floats(SMALLEST, LARGEST))
@settings(max_examples=150, deadline=None)
def test_oracle_a_rendered_quantity_is_read_back_exactly(dimension: str, level: float, amount: float) -> None:
    value = level if DIMENSIONS[dimension].signed else amount
    assert parse(render(value, dimension), dimension) == value


PINT: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
SI = {"frequency": "Hz", "time": "s", "power": "W", "distance": "m", "speed": "m/s", "energy": "J"}


@pytest.mark.parametrize(("dimension", "unit"), [(d, u) for d in SI for u in DIMENSIONS[d].units])
@given(number=st.decimals(min_value=0, max_value=10**6, places=4))
@settings(max_examples=10, deadline=None)
def test_oracle_units_agree_with_pint(dimension: str, unit: str, number: object) -> None:
    message = PINT.Quantity(float(str(number)), unit).to(SI[dimension]).magnitude
    assert parse(f"{number} {unit}", dimension) == pytest.approx(message, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (2e7, "frequency", "20 MHz"),
        (0.005, "time", "5 ms"),
        (0.0, "time", "0 s"),
        (23.0, "power level", "23 dBm"),
    ],
)
def test_render_chooses_a_readable_unit(value: float, dimension: str, text: str) -> None:
    assert render(value, dimension) == text


def test_a_field_of_a_pydantic_model_reads_text_and_writes_it_back() -> None:
    radio = Radio.model_validate({"band": "20 MHz", "power": "200 mW", "latency": "5 ms"})
    assert (radio.band, radio.latency) == (2e7, 0.005)
    assert radio.power == pytest.approx(23.0103, abs=1e-4)
    assert Radio.model_validate(radio.model_dump()) == radio


@pytest.mark.parametrize("band", [2e7, "0 Hz", "-1 MHz", "20", True, "20 ms"])
def test_a_positive_field_rejects_bare_numbers_zero_and_units_of_other_dimensions(band: object) -> None:
    with pytest.raises(ValidationError):
        Radio.model_validate({"band": band})


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_schema_pattern_accepts_every_unit_and_no_bare_number(dimension: str) -> None:
    schema = TypeAdapter(Annotated[float, Quantity(dimension)]).json_schema()
    table = DIMENSIONS[dimension]
    assert all(re.search(schema["pattern"], f"2.5 {unit}") for unit in (*table.units, *table.conversions))
    assert not re.search(schema["pattern"], "100")
    assert not re.search(schema["pattern"], "5 parsecs")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"radius": (10.0, -1.0)}, "radius must be > 0, got -1 m"),
        ({"radius": (math.nan, 1.0)}, "radius must be a finite number in SI units, got nan"),
        ({"latency": -0.005}, "latency must be >= 0, got -5 ms"),
        ({"latency": 1e31}, "latency must be 0 or between 1e-30 and 1e+30 s"),
        ({"latency": True}, "latency must be a finite number"),
    ],
)
def test_si_floats_from_python_are_checked_by_the_same_rules(bad: dict[str, object], message: str) -> None:
    assert Spot(latency=None).radius == (10.0, 250.0)
    with pytest.raises(ValueError, match=re.escape(message)):
        Spot(**bad)  # type: ignore[arg-type]
