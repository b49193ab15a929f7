"""Rate maps against the values of their standards."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.network.radio.rate_maps import RATE_MAPS, CqiTable, RateMap, Shannon, TruncatedShannon


def at_db(rates: RateMap, snr_db: float, direction: Any = "up") -> float:
    return float(rates.efficiency(np.array([10 ** (snr_db / 10)]), direction)[0])


@pytest.mark.parametrize(("snr_db", "bits"), [(-10, 0.137504), (0, 1.0), (10, 3.459432)])
def test_oracle_shannon(snr_db: float, bits: float) -> None:
    assert at_db(Shannon(), snr_db) == pytest.approx(bits, abs=5e-7)


def test_oracle_truncated_shannon_of_tr_36942() -> None:
    rates = TruncatedShannon()
    assert [at_db(rates, 10, direction) for direction in ("up", "down")] == pytest.approx(
        [0.4 * math.log2(11), 0.6 * math.log2(11)], rel=1e-12
    )
    assert [at_db(rates, 40, direction) for direction in ("up", "down")] == [2.0, 4.4]
    assert at_db(rates, -10.001) == 0
    assert at_db(rates, -9.999) == pytest.approx(0.4 * math.log2(1.1), rel=1e-3)


def test_oracle_the_uplink_cap_is_reached_at_about_15_db() -> None:
    floor, capped = TruncatedShannon().breakpoints("up")
    assert 10 * math.log10(floor) == pytest.approx(-10, abs=1e-12)
    assert 10 * math.log10(capped) == pytest.approx(15, abs=0.1)


@pytest.mark.parametrize(
    ("snr_db", "bits"),
    [(-6.8, 0), (-6.6, 0.1523), (0.3, 0.6016), (6.0, 1.4766), (11.8, 2.7305), (30, 5.5547)],
)
def test_oracle_cqi_table_of_38214(snr_db: float, bits: float) -> None:
    assert at_db(CqiTable(), snr_db) == pytest.approx(bits, abs=5e-5)
    assert at_db(CqiTable(3.0), snr_db + 3.0) == at_db(CqiTable(), snr_db)


@pytest.mark.parametrize("snr_db", np.arange(-7, 30).tolist())
def test_no_table_entry_exceeds_shannon(snr_db: float) -> None:
    for rates in (CqiTable(), TruncatedShannon()):
        assert 0 <= at_db(rates, snr_db, "down") < at_db(Shannon(), snr_db)


@given(
    st.floats(-40, 60), st.floats(0, 20), st.sampled_from(sorted(RATE_MAPS)), st.sampled_from(["up", "down"])
)
def test_a_better_snr_never_has_a_lower_rate(
    snr_db: float, more_db: float, name: str, direction: str
) -> None:
    rates = RATE_MAPS[name]()
    assert at_db(rates, snr_db, direction) <= at_db(rates, snr_db + more_db, direction)


@pytest.mark.parametrize("name", RATE_MAPS)
def test_breakpoints_ascend_and_are_where_the_map_is_not_smooth(name: str) -> None:
    breakpoints = np.array(RATE_MAPS[name]().breakpoints("down"))
    assert (np.diff(breakpoints) > 0).all()
    assert (breakpoints > 0).all()
    for knot in breakpoints:
        near = RATE_MAPS[name]().efficiency(knot * np.array([1 - 1e-6, 1, 1 + 1e-6]), "down")
        assert abs(near[0] - 2 * near[1] + near[2]) > 1e-7


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"uplink_attenuation": 0.0}, "uplink_attenuation must be in (0, 1], got 0.0"),
        ({"downlink_attenuation": 1.1}, "downlink_attenuation must be in (0, 1], got 1.1"),
        ({"uplink_cap": math.inf}, "uplink_cap must be finite and > 0 bit/s/Hz, got inf"),
        ({"downlink_cap": 0.0}, "downlink_cap must be finite and > 0"),
        ({"floor": math.nan}, "floor must be a finite number"),
    ],
)
def test_an_invalid_rate_map_is_rejected(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TruncatedShannon(**bad)
