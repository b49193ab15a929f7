"""Wired links: shared links with capped access links, dedicated links, TCP windows, and latency from positions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import simpy

from netsim.network.constant_delay import Delay
from netsim.network.links import LayerNetwork, Link, ParentLinks
from netsim.network.message_loss import Arq, Waterfall
from netsim.network.wired import Wired
from netsim.topology import Fanout
from netsim.topology.geography import great_circle_m
from netsim.topology.tree import NodeSpec, grow


def connect(
    part: LayerNetwork, children: Sequence[NodeSpec], root: dict[str, Any] | None = None
) -> ParentLinks:
    topology = grow(NodeSpec(children=list(children), **(root or {})), "test")
    return part.connect(simpy.Environment(), topology.root, topology.root.children, 1)


def access(*rates_bps: float | None) -> list[NodeSpec]:
    return [NodeSpec(edge={} if rate is None else {"rate_bps": rate}) for rate in rates_bps]


def together_s(links: Sequence[Link], sizes_bits: Sequence[int]) -> list[float]:
    """The arrival times of messages sent at the same time."""
    env, at_s = links[0].env, [math.nan] * len(links)

    def note(k: int, _: simpy.Event) -> None:
        at_s[k] = env.now

    for k, (link, bits) in enumerate(zip(links, sizes_bits, strict=True)):
        callbacks = link.send(bits).arrived.callbacks
        assert callbacks is not None
        callbacks.append(partial(note, k))
    env.run()
    return at_s


PLAIN = partial(Wired, latency=0.0, packets="none")


def test_oracle_M1_max_min_rates_of_two_shared_links() -> None:
    """L1 = 10 carries A and B, L2 = 4 carries B and C: rates 8, 2, 2; B's share of L2 is its cap on L1."""
    b, c = together_s(connect(PLAIN(4.0), access(None, None)).up, [20, 20])
    assert (20 / b, 20 / c) == pytest.approx((2.0, 2.0), rel=1e-12)
    a, b = together_s(connect(PLAIN(10.0), access(None, 20 / b)).up, [80, 20])
    assert (80 / a, 20 / b) == pytest.approx((8.0, 2.0), rel=1e-12)


def test_oracle_M1_every_flow_has_a_bottleneck() -> None:
    """While all are active, each flow is at its cap, or no flow on its saturated link is faster."""
    own_bps = [1.0, 3.0, 2.5, 40.0, None]
    ports = connect(PLAIN(13.0), access(*own_bps))
    rates = [1.0, 3.0, 2.5, 3.25, 3.25]
    done = together_s(ports.up, [round(rate * 1000) for rate in rates])
    assert done == pytest.approx([1000.0] * 5, rel=1e-12)


def test_an_access_link_faster_than_the_shared_link_has_no_effect() -> None:
    assert together_s(connect(PLAIN(10.0), access(99.0)).up, [100]) == [10.0]


def test_a_dedicated_link_has_its_own_rate() -> None:
    ports = connect(PLAIN(10.0, shared=False), access(99.0, None, 5.0))
    assert together_s(ports.up, [990, 100, 50]) == [10.0] * 3


def test_a_broadcast_has_the_rate_of_the_slowest_access_link() -> None:
    ports = connect(PLAIN(10.0), access(None, 2.0))
    sent = ports.down.send(100)
    ports.down.links[0].env.run()
    assert (sent.transfers, sent.airtime_s, ports.down.links[0].env.now) == (1, 10.0, 50.0)


def test_uplink_and_downlink_have_separate_rates_and_media() -> None:
    ports = connect(PLAIN(10.0, uplink=5.0, downlink=20.0, downcast="unicast"), access(None))
    up, down = ports.up[0].send(100), ports.down.send(100)
    assert (up.airtime_s, down.airtime_s) == (20.0, 5.0)
    assert ports.up[0].medium is not ports.down.links[0].medium


def test_oracle_a_window_caps_at_window_per_round_trip() -> None:
    ports = connect(Wired(1e9, latency=0.05, window=1e6, packets="none"), access(None, None))
    assert together_s(ports.up[:1], [10_000_000]) == pytest.approx([0.05 + 10e6 / (1e6 / 0.1)], rel=1e-12)
    assert connect(Wired(1e6, latency=0.05, window=1e9), access(None)).up[0].cap == 1.0
    assert connect(Wired(1e6, latency=0.0, window=1e3), access(None)).up[0].cap == 1.0


def test_oracle_latency_from_coordinates() -> None:
    places = [NodeSpec(x_m=300e3, y_m=400e3), NodeSpec(edge={"distance_m": 100e3})]
    ports = connect(Wired(latency="from_distance"), places, {"x_m": 0.0, "y_m": 0.0})
    assert [link.latency_s for link in ports.up] == pytest.approx([3.75e-3, 0.75e-3], rel=1e-12)


def test_oracle_great_circle_distances_and_latency() -> None:
    quarter = math.pi / 2 * 6_371_008.8
    assert great_circle_m(0, 0, 0, 90) == pytest.approx(quarter, rel=1e-12)
    assert great_circle_m(90, 0, 0, 77) == pytest.approx(quarter, rel=1e-12)
    assert great_circle_m(10, 20, -10, -160) == pytest.approx(2 * quarter, rel=1e-7)  # worst conditioned
    paris_new_york = great_circle_m(48.8566, 2.3522, 40.7128, -74.0060)
    assert paris_new_york == pytest.approx(5837e3, rel=1e-3)
    ports = connect(
        Wired(latency="great_circle"),
        [NodeSpec(lat_deg=40.7128, lon_deg=-74.0060)],
        {"lat_deg": 48.8566, "lon_deg": 2.3522},
    )
    assert ports.up[0].latency_s == pytest.approx(paris_new_york * 1.5 / 2e8, rel=1e-12)


@pytest.mark.parametrize(
    ("latency", "message"),
    [
        (
            "from_distance",
            "latency is from_distance, but 'device0' has no distance to 'cloud'; give both x_m",
        ),
        ("great_circle", "'device0' has no great-circle distance to 'cloud'; give both lat_deg and lon_deg"),
    ],
)
def test_a_latency_without_its_distance_names_the_device(latency: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        connect(Wired(latency=latency), [NodeSpec()])


def test_an_edges_latency_overrides_that_of_the_layer() -> None:
    ports = connect(Wired(), [NodeSpec(edge={"latency_s": 0.007}), NodeSpec()])
    assert [link.latency_s for link in (*ports.up, *ports.down.links)] == [0.007, 0.01] * 2


def test_a_wired_link_can_lose_packets_but_has_no_snr() -> None:
    lossy = connect(Wired(loss=Arq(0.5, 60)), access(None))
    assert (
        lossy.up[0].send(10**7).wire_bits > 1.5 * connect(Wired(), access(None)).up[0].send(10**7).wire_bits
    )
    with pytest.raises(ValueError, match="'device0': waterfall needs a link with an SNR"):
        connect(Wired(loss=Waterfall()), access(None))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"rate": -1.0}, "rate must be > 0"),
        ({"latency": "soon"}, "latency must be a time, from_distance or great_circle, got 'soon'"),
        ({"latency": -1.0}, "latency must be >= 0"),
        ({"route_factor": 0.5}, "route_factor must be >= 1, got 0.5"),
        ({"window": 0.0}, "window must be > 0, got 0 bit; leave it out for no TCP cap"),
        ({"downcast": "x"}, "downcast must be broadcast or unicast, got 'x'"),
        ({"packets": "x"}, "packets must be one of"),
        ({"shared": False, "downcast": "broadcast"}, "downcast must be unicast on dedicated links"),
    ],
)
def test_an_invalid_wired_link_is_rejected(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Wired(**bad)


def test_oracle_a_delay_is_independent_of_size_and_contention() -> None:
    ports = connect(Delay(33.0, 2.0), [NodeSpec(), NodeSpec(edge={"latency_s": 0.5}), NodeSpec()])
    assert together_s(ports.up, [0, 1, 10**12]) == [33.0, 33.5, 33.0]
    env = simpy.Environment()
    parent = Fanout([2]).grow().root
    free = Delay(33.0).connect(env, parent, parent.children, 1).down.send(10**9)
    env.run()
    assert (env.now, free.transfers, free.wire_bits) == (0.0, 1, 10**9)


def test_a_delay_rejects_a_rate() -> None:
    with pytest.raises(
        ValueError, match="does not depend on rates, but the edge of 'device0' to 'cloud' has a rate_bps"
    ):
        connect(Delay(1.0), access(5.0))


def test_descriptions_of_wired_and_delayed_links() -> None:
    assert Wired(1e8, latency=0.005).describe() == "wired: 100 Mbit/s, 5 ms, shared link, broadcast downlink"
    rich = Wired(uplink=1e6, latency="great_circle", shared=False, window=8e6, loss=Arq(0.1)).describe()
    assert rich == (
        "wired: 1 Mbit/s up, 1 Gbit/s down, great-circle latency, dedicated links, TCP window 8 Mbit, "
        "ARQ, 0.1 per packet, 4 attempts, 8 ms each retry, unicast downlink"
    )
    assert Delay(33.0).describe() == "delay: 33 s up, 0 s down, whatever the size"
