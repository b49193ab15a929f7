"""Messages on links: latency after service, broadcast at the rate of the worst child, unicast per child."""

from __future__ import annotations

from functools import partial

import pytest
import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import Downlink, Link
from netsim.network.media import DedicatedMedium, Medium, SharedMedium
from netsim.network.packets import PACKETS


def arrivals_s(env: simpy.Environment, events: list[simpy.Event]) -> list[float]:
    at_s = dict[int, float]()

    def note(k: int, _: simpy.Event) -> None:
        at_s[k] = env.now

    for k, event in enumerate(events):
        event.callbacks.append(partial(note, k))
    env.run()
    return [at_s[k] for k in range(len(events))]


def link(env: simpy.Environment, medium: Medium, rate_bps: float = 1e6, latency_s: float = 0.0) -> Link:
    return Link(env, FixedRate(rate_bps), medium, latency_s, PACKETS["none"])


def test_oracle_Q11_constant_rate_plus_latency() -> None:
    env = simpy.Environment()
    sent = link(env, DedicatedMedium(env), 1e6, 0.25).send(500_000)
    assert (sent.wire_bits, sent.airtime_s) == (500_000, 0.5)
    assert arrivals_s(env, [sent.arrived]) == [0.75]


def test_latency_does_not_occupy_the_medium() -> None:
    env = simpy.Environment()
    medium = SharedMedium(env)
    sent = [link(env, medium, latency_s=late_s).send(1_000_000).arrived for late_s in (10.0, 0.0)]
    assert arrivals_s(env, sent) == [12.0, 2.0]


def test_a_shared_medium_halves_the_rate_of_two_senders() -> None:
    env = simpy.Environment()
    medium = SharedMedium(env)
    assert arrivals_s(env, [link(env, medium).send(1_000_000).arrived for _ in range(2)]) == [2.0, 2.0]


def test_headers_count_in_the_airtime() -> None:
    env = simpy.Environment()
    radio = Link(env, FixedRate(1e6), DedicatedMedium(env), 0.0, PACKETS["radio"])
    assert radio.send(8 * 1448).wire_bits == 8 * 1510
    assert radio.airtime_s(8 * 1448, 0.0) == 8 * 1510 / 1e6


def downlink(env: simpy.Environment, broadcast: bool) -> Downlink:
    medium = SharedMedium(env)
    links = [link(env, medium, rate_bps, late_s) for rate_bps, late_s in ((1e6, 0.5), (2e6, 0.0), (4e6, 0.5))]
    return Downlink(links, broadcast)


def test_a_broadcast_is_one_transfer_at_the_worst_rate_then_each_latency() -> None:
    env = simpy.Environment()
    sent = downlink(env, broadcast=True).send(1_000_000)
    assert (sent.transfers, sent.wire_bits, sent.airtime_s) == (1, 1_000_000, 1.0)
    assert arrivals_s(env, sent.arrivals) == [1.5, 1.0, 1.5]


def test_oracle_unicast_transfers_share_the_medium() -> None:
    env = simpy.Environment()
    sent = downlink(env, broadcast=False).send(
        1_000_000
    )  # airtimes 1, 0.5, 0.25 s: leave at 1.75, 1.25, 0.75
    assert (sent.transfers, sent.wire_bits, sent.airtime_s) == (3, 3_000_000, 1.75)
    assert arrivals_s(env, sent.arrivals) == pytest.approx([2.25, 1.25, 1.25], rel=1e-12)


@pytest.mark.parametrize("broadcast", [True, False])
def test_a_downlink_message_lists_its_transfers(broadcast: bool) -> None:
    env = simpy.Environment()
    down = downlink(env, broadcast)
    sent = down.send(1_000_000)
    assert len(sent.parts) == sent.transfers
    assert sum(t.wire_bits for t in sent.parts) == sent.wire_bits
    assert sum(t.airtime_s for t in sent.parts) == sent.airtime_s == down.airtime_s(1_000_000, 0.0)


def test_a_broadcast_needs_one_medium_and_a_child() -> None:
    env = simpy.Environment()
    with pytest.raises(ValueError, match="a broadcast needs one medium"):
        Downlink([link(env, DedicatedMedium(env)) for _ in range(2)], broadcast=True)
    with pytest.raises(ValueError, match="at least one child"):
        Downlink([], broadcast=False)


def test_an_empty_message_arrives_immediately() -> None:
    env = simpy.Environment()
    assert arrivals_s(env, [link(env, SharedMedium(env)).send(0).arrived]) == [0.0]
