"""Properties of links, media and cells for random parameters."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import simpy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsim.network.channel import FixedRate
from netsim.network.fifo_medium import FifoMedium
from netsim.network.links import Link, ParentLinks
from netsim.network.media import DedicatedMedium, Medium, SharedMedium
from netsim.network.message_loss import Erasure, LinkIdentity
from netsim.network.packets import PACKETS
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import Block, Ergodic, Fading, NoFading
from netsim.network.radio.fading_distributions import Nakagami, Rician
from netsim.network.radio.multiple_access import ACCESS
from netsim.network.radio.path_loss import LogDistance
from netsim.network.radio.rate_maps import RATE_MAPS, Shannon
from netsim.network.radio.shadowing import NoShadowing
from netsim.topology.tree import NodeSpec, grow

Message = tuple[float, int]  # sent at, payload bits
MEDIA = st.sampled_from([SharedMedium, FifoMedium, DedicatedMedium])
TRUNKS = st.sampled_from([SharedMedium, FifoMedium])
SIZES = st.integers(1, 200_000)
MESSAGES = st.lists(st.tuples(st.floats(0, 3), SIZES), min_size=1, max_size=8)
DISTANCES = st.lists(st.floats(20, 250), min_size=1, max_size=4)  # above any floor in any band below
FASTER = st.floats(1, 20)


def arrivals_s(messages: list[Message], rate_bps: float, kind: Any, stack: Any = "none") -> list[float]:
    """The arrival time of each message over one medium at one rate."""
    env, at_s = simpy.Environment(), [math.nan] * len(messages)
    medium: Medium = kind(env)
    link = Link(env, FixedRate(rate_bps), medium, 0.01, PACKETS[stack])

    def note(k: int, _: simpy.Event) -> None:
        at_s[k] = env.now

    def begin(k: int, bits: int, _: simpy.Event) -> None:
        link.send(bits).arrived.callbacks.append(partial(note, k))

    for k, (sent_s, bits) in enumerate(messages):
        env.timeout(sent_s).callbacks.append(partial(begin, k, bits))
    env.run()
    return at_s


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.floats(1e4, 1e6), FASTER, MEDIA)
def test_a_faster_medium_never_finishes_later(
    messages: list[Message], rate_bps: float, faster: float, kind: Any
) -> None:
    slow, fast = (max(arrivals_s(messages, r, kind)) for r in (rate_bps, rate_bps * faster))
    assert fast <= slow * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.floats(1e4, 1e6), st.integers(2, 50), MEDIA)
def test_bits_and_rates_times_c_take_the_same_time(
    messages: list[Message], rate_bps: float, times: int, kind: Any
) -> None:
    larger = [(at_s, bits * times) for at_s, bits in messages]
    same = arrivals_s(larger, rate_bps * times, kind)
    assert same == pytest.approx(arrivals_s(messages, rate_bps, kind), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES, min_size=2, max_size=6), st.sampled_from(list(PACKETS)), TRUNKS)
def test_a_message_sent_in_parts_differs_only_by_headers(parts: list[int], stack: Any, kind: Any) -> None:
    """The difference is the headers of the additional packets."""
    packets, rate_bps, whole = PACKETS[stack], 1e5, sum(parts)
    more = sum(packets.wire_bits(bits) for bits in parts) - packets.wire_bits(whole)
    count = sum(packets.count(bits) for bits in parts) - packets.count(whole)
    assert more == 8 * packets.header_bytes * count
    assert 0 <= count < len(parts)
    one = arrivals_s([(0.0, whole)], rate_bps, kind, stack)[0]
    several = max(arrivals_s([(0.0, bits) for bits in parts], rate_bps, kind, stack))
    assert several - one == pytest.approx(more / rate_bps, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(MESSAGES, MEDIA, st.randoms(use_true_random=False))
def test_the_order_of_siblings_does_not_matter(messages: list[Message], kind: Any, chance: Any) -> None:
    assume(len({sent_s for sent_s, _ in messages}) == len(messages) or kind is not FifoMedium)
    order = chance.sample(range(len(messages)), len(messages))
    mixed = arrivals_s([messages[k] for k in order], 1e5, kind)
    straight = arrivals_s(messages, 1e5, kind)
    assert mixed == pytest.approx([straight[k] for k in order], rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(MESSAGES, MEDIA, st.sampled_from([2.0**-10, 8.0, 1024.0]))
def test_transfer_times_scale_with_the_unit_of_time(messages: list[Message], kind: Any, unit: float) -> None:
    later = [(at_s * unit, bits) for at_s, bits in messages]
    stretched = [t - 0.01 for t in arrivals_s(later, 1e5 / unit, kind)]
    plain = [(t - 0.01) * unit for t in arrivals_s(messages, 1e5, kind)]
    assert stretched == pytest.approx(plain, rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.9), st.lists(SIZES, min_size=1, max_size=30), st.sampled_from(["message", "packet"]))
def test_an_erased_message_takes_the_same_airtime_and_time_as_a_delivered_one(
    share: float, sizes: list[int], per: Any
) -> None:
    env = simpy.Environment()
    loss, identity = Erasure(share, per=per), LinkIdentity(1, 0, 0, "up")
    link = Link(env, FixedRate(1e5), SharedMedium(env), 0.0, PACKETS["radio"], loss=loss, identity=identity)
    sent = [link.send(bits) for bits in sizes]
    env.run()
    wire = [PACKETS["radio"].wire_bits(bits) for bits in sizes]
    assert [one.wire_bits for one in sent] == wire
    assert env.now == pytest.approx(sum(wire) / 1e5, rel=1e-9)
    assert all(one.arrived.processed for one in sent)


def cell(band_hz: float, distances_m: list[float], **own: Any) -> ParentLinks:
    """Devices at given distances, without shadowing."""
    top = grow(NodeSpec(children=[NodeSpec(edge={"distance_m": d}) for d in distances_m]), "test")
    plain: dict[str, Any] = {
        "uplink": band_hz,
        "downlink": band_hz,
        "pathloss": LogDistance(3.5, 38.0, 1.0),
        "shadowing": NoShadowing(),
        "unserved": "refuse",
        "fading": NoFading(),
    }
    return Cell(**(plain | own)).connect(simpy.Environment(), top.root, top.root.children, 1)


def last_s(ports: ParentLinks) -> tuple[float, float]:
    """The times at which all have received a message, and at which all uploads have arrived."""
    env = ports.up[0].env
    env.run(env.all_of(ports.down.send(100_000).arrivals))
    heard_s = env.now
    env.run(env.all_of([link.send(100_000).arrived for link in ports.up]))
    return heard_s, env.now


# a table of rates has steps, and a fade below the floor has no rate: there a wider band may carry less
MONOTONE = [("shannon", NoFading()), ("truncated_shannon", NoFading()), ("shannon", Ergodic())]


@settings(max_examples=60, deadline=None)
@given(
    DISTANCES,
    st.floats(1e5, 5e6),
    FASTER,
    st.sampled_from(ACCESS),
    st.sampled_from(MONOTONE),
    st.sampled_from(["broadcast", "unicast"]),
)
def test_a_wider_band_never_finishes_later(
    distances_m: list[float], band_hz: float, wider: float, access: str, how: tuple[str, Fading], cast: str
) -> None:
    own: dict[str, Any] = {"access": access, "downcast": cast}
    own |= {"rate_map": RATE_MAPS[how[0]](), "fading": how[1]}
    narrow, wide = (last_s(cell(b, distances_m, **own)) for b in (band_hz, band_hz * wider))
    assert wide[0] <= narrow[0] * (1 + 1e-9)
    assert wide[1] <= narrow[1] * (1 + 1e-9)


@settings(max_examples=20, deadline=None)
@given(st.floats(20, 250), st.floats(1e5, 5e6), FASTER, st.sampled_from(["airtime", "tdma"]))
def test_a_wider_band_never_finishes_later_with_fading(
    distance_m: float, band_hz: float, wider: float, access: str
) -> None:
    """A single device has the same gains at the same times."""
    own: dict[str, Any] = {"access": access, "rate_map": Shannon(), "fading": Block(coherence_time=0.01)}
    narrow, wide = (last_s(cell(b, [distance_m], **own))[1] for b in (band_hz, band_hz * wider))
    assert wide <= narrow * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    DISTANCES,
    st.sampled_from(ACCESS),
    st.sampled_from(list(RATE_MAPS)),
    st.sampled_from(["broadcast", "unicast"]),
    st.randoms(use_true_random=False),
)
def test_the_order_of_devices_does_not_change_a_cell(
    distances_m: list[float], access: str, rates: str, cast: str, chance: Any
) -> None:
    own: dict[str, Any] = {"access": access, "rate_map": RATE_MAPS[rates](), "downcast": cast}
    mixed = chance.sample(distances_m, len(distances_m))
    one, other = (last_s(cell(1e6, d, **own)) for d in (distances_m, mixed))
    assert one == pytest.approx(other, rel=1e-9)


def rates_bps(fading: Fading, distances_m: list[float], rates: str) -> list[float]:
    ports = cell(1e6, distances_m, fading=fading, rate_map=RATE_MAPS[rates]())
    return [link.channel.mean_rate_bps for link in ports.up]


@settings(max_examples=20, deadline=None)
@given(DISTANCES, st.sampled_from(["rician", "nakagami"]))
def test_fading_with_an_infinite_line_of_sight_equals_no_fading(distances_m: list[float], law: str) -> None:
    """Rates at K and 10 K extrapolated to K = infinity (the gap is proportional to 1/K) within 1e-6."""
    make = {"rician": lambda k: Rician(10 * math.log10(k)), "nakagami": Nakagami}[law]
    near, far = (rates_bps(Ergodic(make(k)), distances_m, "shannon") for k in (1e3, 1e4))
    still = rates_bps(NoFading(), distances_m, "shannon")
    assert [(10 * f - n) / 9 for n, f in zip(near, far, strict=True)] == pytest.approx(still, rel=1e-6)
    assert all(n < f < s for n, f, s in zip(near, far, still, strict=True))  # Jensen: from below
