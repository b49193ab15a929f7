"""Traces: exact transfer times, formats, and damaged files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.network.links import ParentLinks
from netsim.network.message_loss import Erasure
from netsim.network.traces.rate_curves import RateCurve, piecewise_constant
from netsim.network.traces.trace_channel import TraceChannel
from netsim.network.traces.trace_sources import TRACES, Csv, Ghent4g, Irish5g, Mahimahi, Trace
from netsim.network.traces.traced_links import Traced
from netsim.topology import Fanout, Topology
from netsim.topology.tree import NodeSpec, grow

IRISH = "Timestamp,Longitude,Speed,SNR,DL_bitrate,UL_bitrate,State"


def write(folder: Path, text: str, name: str = "trace") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def connect(part: Traced, topology: Topology | None = None, seed: int = 1) -> ParentLinks:
    parent = (topology or Fanout([3]).grow()).levels[1][0]
    return part.connect(simpy.Environment(), parent, parent.children, seed)


def by_slots(lines_ms: list[int], bits: int, at_ms: float) -> float:
    """Time until the bits are sent, ms, by a loop over the milliseconds of the repeated trace."""
    period, left, now = lines_ms[-1], bits, int(np.floor(at_ms))
    while left > 0:
        now += 1
        turn, phase = divmod(now, period)
        left -= 12_000 * (lines_ms.count(phase) if phase else lines_ms.count(period) if turn else 0)
        left -= 12_000 * (lines_ms.count(0) if phase == 0 else 0)
    return now - at_ms


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=40).map(sorted).filter(lambda lines: lines[-1] > 0),
    st.integers(1, 3_000_000),
    st.one_of(st.floats(0, 200), st.integers(0, 200).map(float)),  # slot edges too
)
@settings(max_examples=150, deadline=None)
def test_oracle_Q12_leaky_trace_equals_a_slot_by_slot_loop(lines: list[int], bits: int, at_ms: float) -> None:
    instants, counts = np.unique(lines, return_counts=True)
    curve = RateCurve(instants / 1e3, np.cumsum(counts * 12_000.0), steps=True)
    assert curve.finish_s(bits, at_ms / 1e3) == pytest.approx(by_slots(lines, bits, at_ms) / 1e3, abs=1e-9)


def test_oracle_Q12_a_mahimahi_file_through_a_link(tmp_path: Path) -> None:
    rng = np.random.Generator(np.random.Philox(key=4))
    lines = sorted(rng.integers(0, 500, 300).tolist())
    trace = Mahimahi(write(tmp_path, "\n".join(map(str, lines)) + "\n"))
    link = connect(Traced(trace, trace, latency=0.0, begin="start", packets="none")).up[0]
    link.env.timeout(0.1234)
    link.env.run()
    sent = link.send(9_000_000)
    assert sent.airtime_s == pytest.approx(by_slots(lines, 9_000_000, 123.4) / 1e3, abs=1e-9)
    link.env.run(sent.arrived)
    assert link.env.now == pytest.approx(0.1234 + sent.airtime_s, rel=1e-12)


RATES = st.lists(
    st.tuples(st.floats(0.01, 3), st.sampled_from([0.0, 1.0, 7.5, 20.0])), min_size=1, max_size=12
)


@given(RATES.filter(lambda rows: any(rate for _, rate in rows)), st.floats(0.01, 500), st.floats(0, 100))
@settings(max_examples=150, deadline=None)
def test_oracle_Q12_inverse_of_cumulative_bits(
    rows: list[tuple[float, float]], bits: float, at_s: float
) -> None:
    """Against a loop over the pieces."""
    period = sum(duration for duration, _ in rows)
    phase, spent, left, k = at_s % period, 0.0, bits, 0
    while phase >= rows[k][0]:
        phase -= rows[k][0]
        k = (k + 1) % len(rows)
    while True:
        rest_s, rate = rows[k][0] - phase, rows[k][1]
        if rate * rest_s >= left:
            break
        left, spent, phase, k = left - rate * rest_s, spent + rest_s, 0.0, (k + 1) % len(rows)
    spent += left / rate
    durations, rates = np.array(rows).T
    assert piecewise_constant(durations, rates).finish_s(bits, at_s) == pytest.approx(
        spent, rel=1e-7, abs=1e-7
    )


def test_oracle_Q12_a_constant_trace_is_a_constant_rate() -> None:
    curve = piecewise_constant(np.ones(7), np.full(7, 5e6))
    for at_s in (0.0, 3.3, 1e6):
        assert curve.finish_s(123e6, at_s) == pytest.approx(24.6, rel=1e-9)
    assert TraceChannel(curve, scale=2.0).airtime_s(10e6, 0.0) == pytest.approx(1.0, rel=1e-9)
    assert TraceChannel(curve, scale=2.0).mean_rate_bps == pytest.approx(10e6, rel=1e-12)
    assert TraceChannel(curve).airtime_s(0, 5.0) == 0.0


def test_twelve_mbits_are_one_mahimahi_line_per_millisecond(tmp_path: Path) -> None:
    assert Mahimahi(write(tmp_path, "1\n")).curve().mean_rate_bps == pytest.approx(12e6, rel=1e-12)


def test_csv_rates_last_until_the_next_row(tmp_path: Path) -> None:
    curve = Csv(write(tmp_path, "\ufefftime_s,note,rate_bps\n0,a,10\n2,b,0\n\n3,c,40\n")).curve()
    assert (curve.period_s, curve.total_bits) == (4.0, 60.0)
    assert [curve.finish_s(b, 0.0) for b in (20, 40, 60, 70)] == pytest.approx(
        [2.0, 3.5, 4.0, 5.0], rel=1e-12
    )


def test_irish_columns_are_per_direction_and_repeated_seconds_count_once(tmp_path: Path) -> None:
    rows = ["2019.12.16_13.59.59,-8,0,-,10,1,D"] * 2 + ["2019.12.16_14.00.01,-8,0,-,30,2,D"]
    path = write(tmp_path, "\n".join([IRISH, *rows]))
    down, up = Irish5g(path).curve(), Irish5g(path, "UL_bitrate").curve()
    assert (down.period_s, down.total_bits, up.total_bits) == (4.0, 80e3, 6e3)


def test_ghent_bytes_arrived_before_their_row(tmp_path: Path) -> None:
    curve = Ghent4g(
        write(tmp_path, "1450 0 51.0 3.7 0 0\n1451 1000 51.0 3.7 500 1000\n1453 3000 51 3 250 2000")
    ).curve()
    assert curve.finish_s(4000, 0.0) == pytest.approx(1.0, rel=1e-12)
    assert (curve.period_s, curve.total_bits) == (3.0, 6000.0)


DAMAGED = [
    (Mahimahi, "1\nx\n", "line 2: a line is one whole number of ms, got 'x'"),
    (Mahimahi, "5\n\n4\n", "line 3: times must not go back, got 4 ms after 5 ms"),
    (Mahimahi, "0\n", "needs a line > 0 ms"),
    (Csv, "", "line 1: no column 'time_s'; the header has nothing"),
    (Csv, "time_s,rate\n0,1\n", "line 1: no column 'rate_bps'; the header has time_s, rate"),
    (Csv, "time_s,rate_bps\n1,1\n2,2\n", "line 2: time_s begins at 0, got 1; subtract it"),
    (Csv, "time_s,rate_bps\n0,1\n0,2\n", "line 3: time_s must ascend, got 0 after 0"),
    (Csv, "time_s,rate_bps\n0,1\n1,-2\n", "line 3: rate_bps must be a finite number >= 0, got '-2'"),
    (Csv, "time_s,rate_bps\n0,1\n1\n", "line 3: a row has 2 cells, got 1; is it cut off?"),
    (Csv, "time_s,rate_bps\n0,1\n", "a trace needs 2 rows at least, got 1"),
    (Csv, "time_s,rate_bps\n0,0\n1,0\n", "a trace must deliver something, but all its rates are 0"),
    (
        Irish5g,
        f"{IRISH}\nnow,-8,0,-,1,1,D\n",
        "line 2: Timestamp must be like 2019.12.16_13.40.04, got 'now'",
    ),
    (
        Irish5g,
        f"{IRISH}\n2019.12.16_13.40.04,-8,0,-,-,1,D\n",
        "line 2: DL_bitrate must be a finite number >= 0",
    ),
    (
        Irish5g,
        f"{IRISH}\n2019.12.16_13.40.04,-8,0,-,1,1,D\n2019.12.16_13.40.03,-8,0,-,1,1,D\n",
        "line 3: Timestamp goes back to 2019.12.16_13.40.03",
    ),
    (Ghent4g, "1 2 3\n", "line 1: a row has 6 numbers, got 3"),
    (Ghent4g, "1 0 5 3 9 0\n", "line 1: 9 bytes in 0 ms"),
    (Ghent4g, "", "a trace needs a length > 0 s"),
]


@pytest.mark.parametrize(("part", "text", "message"), DAMAGED)
def test_a_damaged_file_is_rejected_with_its_line(
    tmp_path: Path, part: type[Trace], text: str, message: str
) -> None:
    trace = part(write(tmp_path, text))  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        trace.curve()
    assert str(tmp_path / "trace") in str(caught.value)


def test_a_missing_or_binary_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"no trace 'nowhere.csv': looked for {Path.cwd()}/nowhere.csv"):
        Csv("nowhere.csv").curve()
    (tmp_path / "t.gz").write_bytes(b"\x1f\x8b\xff\xfe")
    with pytest.raises(ValueError, match="is not a text file; is it compressed"):
        Mahimahi(str(tmp_path / "t.gz")).curve()


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    trace = Mahimahi(write(tmp_path, "1\n"))
    assert trace.curve() is trace.curve()
    write(tmp_path, "1\n2\n4\n")
    assert trace.curve().period_s == 0.004


def ramp(folder: Path) -> Csv:
    rows = "".join(f"{k},{1000 * (k + 1)}\n" for k in range(100))
    return Csv(write(folder, "time_s,rate_bps\n" + rows, "ramp.csv"))


def test_children_start_at_their_own_positions_of_the_trace_also_in_a_deeper_tree(tmp_path: Path) -> None:
    part = Traced(ramp(tmp_path), ramp(tmp_path), packets="none")

    def airtimes(fanout: list[int], seed: int) -> list[float]:
        topology = Fanout(fanout).grow()
        ports = [part.connect(simpy.Environment(), p, p.children, seed) for p in topology.levels[1]]
        return [link.airtime_s(50_000, 0.0) for port in ports for link in port.up]

    assert airtimes([6], 1) == airtimes([2, 3], 1)
    assert len(set(airtimes([6], 1))) == 6
    assert set(airtimes([6], 1)).isdisjoint(airtimes([6], 2))
    same = connect(Traced(ramp(tmp_path), ramp(tmp_path), begin="start"))
    assert len({link.airtime_s(50_000, 0.0) for link in same.up}) == 1


def test_directions_have_separate_traces_and_scales(tmp_path: Path) -> None:
    slow = Csv(write(tmp_path, "time_s,rate_bps\n0,100\n1,100\n", "slow.csv"))
    fast = Csv(write(tmp_path, "time_s,rate_bps\n0,900\n1,900\n", "fast.csv"))
    ports = connect(Traced(slow, fast, uplink_scale=0.5, downlink_scale=2.0, packets="none"))
    assert ports.up[0].send(1000).airtime_s == pytest.approx(20.0, rel=1e-9)
    assert [t.airtime_s for t in ports.down.send(1800).parts] == pytest.approx([1.0] * 3, rel=1e-9)


def test_an_edges_rate_and_latency_replace_those_of_the_trace(tmp_path: Path) -> None:
    topology = grow(
        NodeSpec(children=[NodeSpec(edge={"rate_bps": 50.0, "latency_s": 9.0}), NodeSpec()]), "test"
    )
    ports = connect(Traced(ramp(tmp_path), ramp(tmp_path), packets="none"), topology)
    assert (ports.up[0].airtime_s(100, 0.0), ports.up[0].latency_s, ports.up[1].latency_s) == (2.0, 9.0, 0.02)


def test_an_invalid_traced_link_is_rejected(tmp_path: Path) -> None:
    trace = ramp(tmp_path)
    for bad, message in (
        ({"uplink_scale": 0.0}, "uplink_scale must be finite and > 0, got 0.0; as recorded is 1"),
        ({"begin": "x"}, "begin must be random or start, got 'x'"),
        ({"packets": "x"}, "packets must be one of"),
        ({"latency": -1.0}, "latency must be >= 0"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            Traced(trace, trace, **bad)
    with pytest.raises(ValueError, match="column must be DL_bitrate or UL_bitrate, got 'RSRP'"):
        Irish5g("x", "RSRP")  # type: ignore[arg-type]


def test_description_of_a_traced_link(tmp_path: Path) -> None:
    part = Traced(ramp(tmp_path), ramp(tmp_path), uplink_scale=0.1, loss=Erasure(0.1))
    message = "traced: 0.1 x ramp.csv up, ramp.csv down, 20 ms, dedicated links, begin random, erasure, 0.1 per message"
    assert part.describe() == message
    assert list(TRACES) == ["mahimahi", "csv", "irish_5g", "ghent_4g"]
