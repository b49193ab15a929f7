"""Numbers as text with units."""

from __future__ import annotations

import pytest

from netsim.reports import formatting


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 bit"),
        (12, "12 bit"),
        (31_400, "31.4 kbit"),
        (34_512_000, "34.5 Mbit"),
        (1e9, "1 Gbit"),
        (2e15, "2 Pbit"),
    ],
)
def test_bits_have_an_si_prefix(value: float, text: str) -> None:
    assert formatting.bits(value) == text


def test_a_value_that_rounds_up_to_a_thousand_has_the_next_prefix() -> None:
    assert formatting.bits(999_600) == "1 Mbit"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (2.5e-7, "0.25 µs"),
        (0.0123, "12.3 ms"),
        (18.24, "18.2 s"),
        (119, "119 s"),
        (204, "3.4 min"),
        (7200, "2 h"),
        (259_200, "3 d"),
    ],
)
def test_times_from_two_minutes_on_are_in_minutes(value: float, text: str) -> None:
    assert formatting.seconds(value) == text


def test_large_and_small_numbers_have_three_significant_digits() -> None:
    assert [formatting.number(value) for value in (0.09414, 123_456, 2.5e9)] == [
        "0.0941",
        "123000",
        "2.5e+09",
    ]


def test_nan_and_infinity_are_shown_as_not_finite() -> None:
    assert (formatting.accuracy(float("nan")), formatting.number(float("inf"))) == (
        "not finite",
        "not finite",
    )


def test_an_accuracy_has_three_decimals() -> None:
    assert formatting.accuracy(0.94) == "0.940"


def test_an_axis_has_one_unit_for_all_its_values() -> None:
    assert formatting.time_scale(7200.0) == (3600.0, "h")
    assert formatting.bit_scale(5e6) == (1e6, "Mbit")
