"""Access schemes: queueing theory for FIFO, closed forms for shares of band, airtime and bits."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import simpy

from netsim.network.fifo_medium import FifoMedium
from netsim.network.links import ParentLinks
from netsim.network.packets import PACKETS
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import NoFading
from netsim.network.radio.path_loss import LogDistance
from netsim.network.radio.placement import Annulus
from netsim.network.radio.rate_maps import Shannon
from netsim.topology import Fanout, Topology
from netsim.topology.tree import NodeSpec, grow

BITS = 1_000_000


def waiting_times_s(
    law: str, rate: float, mean_s: float, count: int = 120_000
) -> tuple[np.ndarray, np.ndarray]:
    """Waiting and service times of `count` messages arriving at a FIFO medium at random."""
    rng = np.random.Generator(np.random.Philox(key=11))
    works = {
        "exponential": rng.exponential(1.0, count),
        "erlang2": rng.gamma(2.0, 0.5, count),
        "uniform": rng.uniform(0.0, 2.0, count),
        "deterministic": np.ones(count),
    }[law] * mean_s
    arrivals = np.cumsum(rng.exponential(1 / rate, count))
    env, left = simpy.Environment(), np.zeros(count)
    medium = FifoMedium(env)

    def note(k: int, _: simpy.Event) -> None:
        left[k] = env.now

    def begin(k: int, _: simpy.Event) -> None:
        medium.serve(works[k]).callbacks.append(partial(note, k))

    for k, at_s in enumerate(arrivals.tolist()):
        env.timeout(at_s).callbacks.append(partial(begin, k))
    env.run()
    return (left - arrivals - works)[count // 10 :], works[count // 10 :]


def agree(values: np.ndarray, exact: float, small: float) -> None:
    """Check 30 batch means against the exact value: within 4 standard errors, which must be small."""
    batches = values[: len(values) // 30 * 30].reshape(30, -1).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(30)
    assert error < small * exact
    assert abs(batches.mean() - exact) < 4 * error


def test_oracle_Q1_mm1_waiting_and_sojourn() -> None:
    waited, served = waiting_times_s("exponential", 0.5, 0.8)
    agree(waited, 0.5333333, 0.02)
    agree(waited + served, 1 / (1.25 - 0.5), 0.02)
    agree(0.5 * waited, 0.2666667, 0.02)  # Little: messages waiting
    share = np.mean(waited + served > 2.0)  # sojourn ~ Exp(0.75)
    assert share == pytest.approx(math.exp(-1.5), abs=0.01)


@pytest.mark.parametrize(
    ("law", "exact"),
    [("exponential", 2.3333), ("erlang2", 1.75), ("uniform", 1.5556), ("deterministic", 1.1667)],
)
def test_oracle_Q2_pollaczek_khinchine(law: str, exact: float) -> None:
    waited, _ = waiting_times_s(law, 0.7, 1.0)
    agree(waited, exact, 0.04)


def test_oracle_Q6_a_fifo_batch_finishes_one_by_one_with_the_same_makespan() -> None:
    env, left = simpy.Environment(), list[float]()
    medium = FifoMedium(env)
    for _ in range(7):
        medium.serve(0.3).callbacks.append(lambda _: left.append(env.now))
    env.run(until=1.0)
    assert medium.busy_s == pytest.approx(1.0, rel=1e-12)
    env.run()
    assert left == pytest.approx([0.3 * k for k in range(1, 8)], rel=1e-12)
    assert sum(left) / 7 == pytest.approx(8 * 0.3 / 2, rel=1e-12)
    assert medium.busy_s == pytest.approx(2.1, rel=1e-12)


def test_a_cap_prolongs_the_service_and_invalid_work_is_rejected() -> None:
    env = simpy.Environment()
    FifoMedium(env).serve(1.0, cap=0.5)
    env.run()
    assert env.now == 2.0
    for bad in ({"work_s": -1.0}, {"work_s": 1.0, "weight": 0.0}, {"work_s": 1.0, "cap": 2.0}):
        with pytest.raises(ValueError, match="must be"):
            FifoMedium(env).serve(**bad)


def topology_of(distances_m: list[float]) -> Topology:
    return grow(NodeSpec(children=[NodeSpec(edge={"distance_m": d}) for d in distances_m]), "test")


def cell(**own: Any) -> Cell:
    """A worked example: 250 m at 128.1 + 37.6 log10 d_km, 0.2 W, NF 5 dB, 10 MHz."""
    loss = LogDistance(3.76, 128.1 - 37.6 * 3, 1.0)
    plain: dict[str, Any] = {
        "uplink": 10e6,
        "downlink": 10e6,
        "device_power": 10 * math.log10(200),
        "station_gain": 0.0,
        "device_noise_figure": 5.0,
        "station_power": 10 * math.log10(200),
        "pathloss": loss,
        "placement": Annulus((10.0, 250.0)),
        "fading": NoFading(),
        "rate_map": Shannon(),
        "packets": "none",
    }
    return Cell(**(plain | own))


def connect(part: Cell, distances_m: list[float]) -> ParentLinks:
    top = topology_of(distances_m)
    return part.connect(simpy.Environment(), top.root, top.root.children, 1)


def arrivals_s(ports: ParentLinks, events: list[simpy.Event]) -> list[float]:
    env, at_s = ports.up[0].env, dict[int, float]()

    def note(k: int, _: simpy.Event) -> None:
        at_s[k] = env.now

    for k, event in enumerate(events):
        event.callbacks.append(partial(note, k))
    env.run()
    return [at_s[k] for k in range(len(events))]


def uploads_s(part: Cell, distances_m: list[float]) -> list[float]:
    ports = connect(part, distances_m)
    return arrivals_s(ports, [link.send(BITS).arrived for link in ports.up])


SNR = 10 ** ((10 * math.log10(200) - (128.1 + 37.6 * math.log10(0.25)) - (-174 + 70 + 5)) / 10)


@pytest.mark.parametrize(
    ("access", "rate_bps", "golden"),
    [
        ("airtime", 1e6 * math.log2(1 + SNR), 5.53e6),
        ("fdma", 1e6 * math.log2(1 + 10 * SNR), 8.82e6),
        ("wifi", 1e6 * math.log2(1 + SNR), 5.53e6),
    ],
)
def test_oracle_uplink_rates_of_ten_equal_users(access: str, rate_bps: float, golden: float) -> None:
    times_s = uploads_s(cell(access=access), [250.0] * 10)
    assert [BITS / t for t in times_s] == pytest.approx([rate_bps] * 10, rel=1e-9)
    assert rate_bps == pytest.approx(golden, rel=1e-3)


def test_oracle_tdma_has_the_same_last_upload_but_earlier_others() -> None:
    shared, turns = (uploads_s(cell(access=a), [250.0] * 10) for a in ("airtime", "tdma"))
    assert max(turns) == pytest.approx(max(shared), rel=1e-12)
    assert turns == pytest.approx([max(shared) * k / 10 for k in range(1, 11)], rel=1e-12)


def test_oracle_an_fdma_downlink_keeps_its_snr_in_a_share_of_the_band() -> None:
    ports = connect(cell(access="fdma", downcast="unicast"), [250.0] * 10)
    times_s = arrivals_s(ports, ports.down.send(BITS).arrivals)
    assert [BITS / t for t in times_s] == pytest.approx([1e6 * math.log2(1 + SNR)] * 10, rel=1e-9)


def test_oracle_an_fdma_broadcast_uses_the_whole_band() -> None:
    ports = connect(cell(access="fdma"), [250.0, 250.0])
    sent = ports.down.send(BITS)
    assert sent.transfers == 1
    assert sent.airtime_s == pytest.approx(BITS / (10e6 * math.log2(1 + SNR)), rel=1e-9)


def test_an_fdma_share_is_unused_while_its_device_does_not_send() -> None:
    ports = connect(cell(access="fdma"), [250.0] * 10)
    alone_s = arrivals_s(ports, [ports.up[0].send(BITS).arrived])
    assert alone_s == pytest.approx(uploads_s(cell(access="fdma"), [250.0] * 10)[:1], rel=1e-12)


def test_oracle_wifi_gives_equal_bit_rates_so_the_slowest_slows_all() -> None:
    ports = connect(cell(access="wifi"), [30.0, 250.0])
    slowness = sum(1 / link.channel.mean_rate_bps for link in ports.up)
    assert arrivals_s(ports, [link.send(BITS).arrived for link in ports.up]) == pytest.approx(
        [BITS * slowness] * 2, rel=1e-9
    )
    near_s, far_s = uploads_s(cell(access="airtime"), [30.0, 250.0])
    assert near_s < far_s == pytest.approx(BITS * slowness, rel=1e-9)


def test_wifi_has_one_channel_for_both_directions() -> None:
    ports = connect(cell(access="wifi"), [250.0])
    both = [ports.up[0].send(BITS), ports.down.send(BITS).parts[0]]
    assert arrivals_s(ports, [t.arrived for t in both]) == pytest.approx(
        [sum(t.airtime_s for t in both)] * 2, rel=1e-9
    )


def test_an_edge_with_its_own_rate_has_no_share_of_the_band() -> None:
    branch = NodeSpec(children=[NodeSpec(edge={"distance_m": 250.0}), NodeSpec(edge={"rate_bps": 2e6})])
    top = grow(branch, "test")
    ports = cell(access="fdma").connect(simpy.Environment(), top.root, top.root.children, 1)
    times_s = arrivals_s(ports, [link.send(BITS).arrived for link in ports.up])
    assert times_s == pytest.approx([BITS / (10e6 * math.log2(1 + SNR)), 0.5], rel=1e-9)


@pytest.mark.parametrize("access", ["airtime", "fdma", "tdma", "wifi"])
def test_more_bandwidth_never_delays_the_last_upload(access: str) -> None:
    last_s = [max(uploads_s(cell(access=access, uplink=b), [40.0, 120.0, 250.0])) for b in (1e6, 5e6, 2e7)]
    assert last_s == sorted(last_s, reverse=True)
    assert len(set(last_s)) == 3


def test_there_is_one_link_per_child_and_direction() -> None:
    top = Fanout([5]).grow()
    ports = cell(access="tdma", packets="radio").connect(simpy.Environment(), top.root, top.root.children, 1)
    assert len(ports.up) == len(ports.down.links) == 5
    assert ports.up[0].packets is PACKETS["radio"]
