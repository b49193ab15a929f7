"""Properties of runs for random parameters: times, bits, order, units and the shape of the tree."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.engine import Engine
from netsim.network.packets import PACKETS
from netsim.scenario import Scenario, digest
from netsim.simulation.run import Run
from tests.network.sample_scenarios import (
    Data,
    exchange_counts,
    round_ends_s,
    run_timing,
    scenario_data,
    wired,
)

RATES = st.floats(1e5, 1e8)
FASTER = st.floats(1, 50)
LATENCIES = st.just(0.0) | st.floats(1e-9, 0.05)
DELAYS = st.just(0.0) | st.floats(1e-9, 1)
BITS = 32 * 40  # one uncompressed message of a tiny run
SPREAD = {"constant": {"step": "10 ms", "spread": {"lognormal": 0.8}, "jitter": {"lognormal": 0.3}}}


@st.composite
def shapes(draw: st.DrawFn, most: int = 3) -> tuple[list[int], list[int]]:
    """Fan-outs from the cloud down and taus from the devices up."""
    pairs = draw(st.lists(st.tuples(st.integers(1, most), st.integers(1, 3)), min_size=1, max_size=3))
    return [children for children, _ in pairs], [tau for _, tau in pairs]


def layers(draw: Any, depth: int, **more: Any) -> list[Data]:
    return [wired(draw(RATES), draw(LATENCIES), **more) for _ in range(depth)]


def tables(run: Run) -> str:
    """All tables of a run as text, NaN included."""
    return repr((run.trace.rounds, run.trace.messages, run.trace.nodes, run.trace.totals))


@settings(max_examples=25, deadline=None)
@given(shapes(), RATES, FASTER, LATENCIES, st.booleans())
def test_faster_links_never_end_a_round_later(
    shape: Any, rate_bps: float, faster: float, latency_s: float, shared: bool
) -> None:
    fanout, tau = shape
    slow, fast = (
        run_timing(
            scenario_data(
                fanout, tau, [wired(r, latency_s, shared=shared)] * len(tau), devices={"compute": SPREAD}
            )
        )
        for r in (rate_bps, rate_bps * faster)
    )
    assert all(f <= s * (1 + 1e-9) for f, s in zip(round_ends_s(fast), round_ends_s(slow), strict=True))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(20, 400), min_size=1, max_size=4),
    FASTER,
    st.sampled_from(["airtime", "fdma", "tdma", "wifi"]),
    st.sampled_from(["shannon", "truncated_shannon"]),
)
def test_a_wider_band_never_ends_a_round_later(
    distances_m: list[float], wider: float, access: str, rates: str
) -> None:
    def ends_s(band_hz: float) -> list[float]:
        band = f"{band_hz!r} Hz"
        cell = {"uplink": band, "downlink": band, "access": access, "rate_map": rates, "fading": "none"}
        cell |= {"pathloss": {"log_distance": {"exponent": 3.5}}, "shadowing": "none", "unserved": "refuse"}
        tree = {"tree": {"children": [{"distance_m": d} for d in distances_m]}}
        return round_ends_s(
            run_timing(scenario_data([1], [2], [{"cell": cell}], topology=tree, devices={"compute": SPREAD}))
        )

    assert all(w <= n * (1 + 1e-9) for n, w in zip(ends_s(1e5), ends_s(1e5 * wider), strict=True))


@settings(max_examples=25, deadline=None)
@given(shapes(), st.floats(0, 0.9), st.sampled_from(list(PACKETS)), st.data())
def test_bits_are_conserved(shape: Any, share: float, stack: Any, more: st.DataObject) -> None:
    """Every upload is delivered or lost, every delivered one is aggregated, and messages add up to the totals."""
    (fanout, tau), merged = shape, 0
    aggregate = Engine.aggregate

    def counted(self: Engine, *rest: Any) -> Any:
        nonlocal merged
        merged += len(rest[4])
        return aggregate(self, *rest)

    network = layers(more.draw, len(tau), packets=stack, loss={"erasure": {"probability": share}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "aggregate", counted)
        run = run_timing(scenario_data(fanout, tau, network))
    rows, totals, last = run.trace.messages, run.trace.totals, run.trace.rounds[-1]
    ups = [row for row in rows if row["direction"] == "up"]
    assert merged == sum(row["delivered"] for row in ups) == len(ups) - sum(totals["lost_up"])
    exchanges = exchange_counts(fanout, tau, 2)
    for n, (parents, children) in enumerate(exchanges, start=1):
        for direction, count in (("up", children), ("down", parents)):
            here = [row for row in rows if (row["layer"], row["direction"]) == (n, direction)]
            assert len(here) == count
            for bits in ("payload_bits", "wire_bits"):
                name = bits.replace("payload_", "") + f"_{direction}"
                assert sum(row[bits] for row in here) == totals[name][n - 1] == last[f"{name}_{n}"]
            assert totals[f"bits_{direction}"][n - 1] == count * BITS
        assert totals["wire_bits_up"][n - 1] == children * PACKETS[stack].wire_bits(BITS)


@settings(max_examples=25, deadline=None)
@given(shapes(), st.booleans(), st.data())
def test_times_never_decrease(shape: Any, shared: bool, more: st.DataObject) -> None:
    fanout, tau = shape
    run = run_timing(
        scenario_data(fanout, tau, layers(more.draw, len(tau), shared=shared), devices={"compute": SPREAD})
    )
    rows, ends = run.trace.messages, round_ends_s(run)
    assert all(a < b for a, b in pairwise(ends))
    assert all(a["sent_s"] <= b["sent_s"] for a, b in pairwise(rows))
    for before_s, row in zip(ends, run.trace.rounds[1:], strict=False):
        path_s = math.fsum(value for key, value in row.items() if key.startswith("path_"))
        assert path_s == pytest.approx(row["sim_time_s"] - before_s, rel=1e-9)
    slack = 1 - 1e-9
    for row in rows:
        began, ended = ends[row["round"] - 1], ends[row["round"]]
        assert began * slack <= row["sent_s"] < row["arrived_s"] <= ended / slack
        share = (
            1 if shared or row["direction"] == "up" else row["receivers"]
        )  # dedicated links transmit in parallel
        assert row["arrived_s"] - row["sent_s"] >= row["airtime_s"] / share * slack - 1e-12


CHILD = st.fixed_dictionaries({"latency_s": LATENCIES, "rate_bps": RATES})


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(CHILD, st.lists(CHILD, min_size=1, max_size=3)), min_size=1, max_size=3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_the_order_of_children_changes_no_time_and_no_bits(family: Any, shared: bool, chance: Any) -> None:
    def run(order: Any) -> Run:
        tree = {"tree": {"children": [{**edge, "children": order(below)} for edge, below in order(family)]}}
        return run_timing(scenario_data([], [2, 2], [wired(1e6, shared=shared)] * 2, topology=tree))

    one, other = run(list), run(lambda them: chance.sample(them, len(them)))
    assert round_ends_s(one) == pytest.approx(round_ends_s(other), rel=1e-9)
    assert one.trace.totals == other.trace.totals


@settings(max_examples=25, deadline=None)
@given(shapes(), st.integers(2, 9), st.booleans(), st.data())
def test_models_and_rates_times_c_take_the_same_time(
    shape: Any, times: int, shared: bool, more: st.DataObject
) -> None:
    (fanout, tau), rate_bps, latency_s = shape, more.draw(RATES), more.draw(LATENCIES)

    def run(c: int) -> Run:
        network = [wired(rate_bps * c, latency_s, packets="none", shared=shared)] * len(tau)
        task = {"dataset": {"synthetic": {"dim": 40 * c, "samples": 8}}}
        return run_timing(scenario_data(fanout, tau, network, task=task, devices={"compute": SPREAD}))

    one, many = run(1), run(times)
    assert round_ends_s(one) == pytest.approx(round_ends_s(many), rel=1e-9)
    assert many.trace.totals["bits_up"] == [times * bits for bits in one.trace.totals["bits_up"]]


def scaled(number: int, power: int) -> str:
    """number x 10^power in plain digits."""
    digits = str(number).rjust(1 - power, "0")
    return digits + "0" * power if power >= 0 else f"{digits[:power]}.{digits[power:]}"


def spelt(number: int, units: list[tuple[str, int]]) -> st.SearchStrategy[str]:
    """The same quantity in any of its units, given with their powers of ten below the first."""
    return st.sampled_from([f"{scaled(number, power)} {unit}" for unit, power in units])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 999), st.integers(1, 999), st.data())
def test_a_scenario_in_other_units_is_the_same_scenario(n: int, m: int, more: st.DataObject) -> None:
    def content() -> Data:
        draw = more.draw
        milliseconds = [("ms", 0), ("s", -3), ("us", 3)]
        rate = draw(spelt(n, [("Mbit/s", 0), ("Gbit/s", -3), ("kbit/s", 3), ("bps", 6)]))
        latency, step = (draw(spelt(k, milliseconds)) for k in (m, n))
        energy = {
            "compute": {"active_power": draw(spelt(m, [("mW", 0), ("W", -3), ("uW", 3)]))},
            "wired_per_bit": draw(spelt(n, [("uJ/bit", 0), ("mJ/bit", -3), ("nJ/bit", 3)])),
        }
        band = draw(spelt(m, [("MHz", 0), ("GHz", -3), ("kHz", 3), ("Hz", 6)]))
        radius = draw(st.sampled_from([["20 m", "90 m"], ["0.02 km", "0.09 km"], ["0.020 km", "90.0 m"]]))
        cell = {"uplink": band, "placement": {"annulus": {"radius": radius}}}
        cell["pathloss"] = {"log_distance": {"exponent": 3}}
        network = [{"cell": cell}, {"wired": {"rate": rate, "latency": latency}}]
        devices = {"compute": {"constant": {"step": step}}}
        stop = {"rounds": 2, "deadline": draw(st.sampled_from(["1 h", "60 min", "3600 s"]))}
        return scenario_data([2, 2], [2, 1], network, devices=devices, energy=energy, stop=stop)

    one, other = content(), content()
    assert len({digest(Scenario.model_validate(c)) for c in (one, other)}) == 1
    assert tables(run_timing(one)) == tables(run_timing(other))


@settings(max_examples=15, deadline=None)
@given(shapes(), st.floats(1, 1e6), st.data())
def test_a_deadline_after_the_end_has_no_effect(shape: Any, later: float, more: st.DataObject) -> None:
    fanout, tau = shape
    content = scenario_data(fanout, tau, layers(more.draw, len(tau)), devices={"compute": SPREAD})
    free = run_timing(content)
    stop = {"rounds": 2, "deadline": f"{free.env.now * later!r} s"}
    bound = run_timing(content | {"stop": stop})
    assert tables(bound) == tables(free)
    assert bound.stopped_by == free.stopped_by == "rounds"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(RATES, LATENCIES, st.integers(1, 3)), min_size=1, max_size=4), st.booleans())
def test_a_tree_with_one_leaf_takes_the_sum_of_its_link_times(links: list[Any], shared: bool) -> None:
    """Each link is used in both directions for each aggregation above it; 10 ms per local step."""
    tau = [times for *_, times in links]
    run = run_timing(
        scenario_data([1] * len(links), tau, [wired(rate, late, shared=shared) for rate, late, _ in links])
    )
    wire = PACKETS["ethernet"].wire_bits(BITS)
    steps = 0.01 * math.prod(tau)
    ways = (2 * (late + wire / rate) * math.prod(tau[n:]) for n, (rate, late, _) in enumerate(links, start=1))
    length_s = steps + sum(ways)
    assert round_ends_s(run) == pytest.approx([0.0, length_s, 2 * length_s], rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 3), RATES, LATENCIES, st.booleans())
def test_equal_answers_share_a_shared_link_but_not_dedicated_links(
    children: int, steps: int, rate_bps: float, latency_s: float, shared: bool
) -> None:
    run = run_timing(scenario_data([children], [steps], [wired(rate_bps, latency_s, shared=shared)]))
    air_s = PACKETS["ethernet"].wire_bits(BITS) / rate_bps
    length_s = latency_s + air_s + 0.01 * steps + air_s * (children if shared else 1) + latency_s
    assert round_ends_s(run) == pytest.approx([0.0, length_s, 2 * length_s], rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=3),
    st.integers(1, 4),
    st.lists(st.tuples(DELAYS, DELAYS), min_size=3, max_size=3),
)
def test_aggregating_once_per_layer_takes_the_time_of_the_longest_path(
    fanout: list[int], steps: int, delays_s: list[tuple[float, float]]
) -> None:
    """With tau = 1 above the devices a round takes the links and the steps of the longest path."""
    delays_s = delays_s[: len(fanout)]

    def delay(up_s: float, down_s: float) -> Data:
        return {"delay": {"uplink": f"{up_s!r} s", "downlink": f"{down_s!r} s"}}

    ones, slow = [1] * (len(fanout) - 1), {"compute": SPREAD}
    deep = run_timing(
        scenario_data(fanout, [steps, *ones], [delay(*pair) for pair in delays_s], devices=slow)
    )
    whole = delay(*(math.fsum(direction) for direction in zip(*delays_s, strict=True)))
    star = run_timing(scenario_data([math.prod(fanout)], [steps], [whole], devices=slow))
    assert round_ends_s(deep) == pytest.approx(round_ends_s(star), rel=1e-9)
    paths = [[row["path_compute_s"] for row in run.trace.rounds] for run in (deep, star)]
    assert paths[0] == pytest.approx(paths[1], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(shapes(), st.data())
def test_doubling_every_tau_multiplies_the_computing_time(shape: Any, more: st.DataObject) -> None:
    """On the critical path of equal devices: doubling the tau of N layers multiplies it by 2^N."""
    fanout, tau = shape
    network = layers(more.draw, len(tau))

    def computing_s(taus: list[int]) -> float:
        return float(run_timing(scenario_data(fanout, taus, network)).trace.rounds[-1]["path_compute_s"])

    base = computing_s(tau)
    assert base == pytest.approx(0.01 * math.prod(tau), rel=1e-9)
    for n in range(len(tau)):
        assert computing_s([*tau[:n], 2 * tau[n], *tau[n + 1 :]]) == pytest.approx(2 * base, rel=1e-9)
    assert computing_s([2 * t for t in tau]) == pytest.approx(2 ** len(tau) * base, rel=1e-9)
