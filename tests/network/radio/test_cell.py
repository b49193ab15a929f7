"""Cells: link budgets, positions, shared media, devices without a rate, and invalid arguments."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import simpy

from netsim.network.channel import FixedRate
from netsim.network.links import ParentLinks
from netsim.network.message_loss import Erasure, Waterfall
from netsim.network.radio.block_fading import BlockFadingChannel
from netsim.network.radio.cell import Cell
from netsim.network.radio.fading import Block, NoFading
from netsim.network.radio.path_loss import FixedGain, LogDistance, Macro, UrbanMicro
from netsim.network.radio.placement import Annulus
from netsim.network.radio.rate_maps import CqiTable, Shannon, TruncatedShannon
from netsim.network.radio.shadowing import LognormalShadowing, NoShadowing
from netsim.topology import Fanout, File, Topology


def connect(part: Cell, topology: Topology, seed: int = 1) -> ParentLinks:
    parent = topology.levels[1][0]
    return part.connect(simpy.Environment(), parent, parent.children, seed)


def tree(tmp_path: Path, text: str) -> Topology:
    (tmp_path / "t.yaml").write_text(text)
    return File("t.yaml").grow([tmp_path])


def plain(**own: Any) -> Cell:
    """A cell with random positions only: NLOS, no shadowing, no fading, Shannon."""
    given: dict[str, Any] = {
        "pathloss": UrbanMicro("nlos"),
        "shadowing": NoShadowing(),
        "fading": NoFading(),
        "rate_map": Shannon(),
    }
    return Cell(**(given | own))


def snrs(ports: ParentLinks) -> list[float]:
    return [link.snr or math.nan for link in ports.up]


def test_oracle_uplink_and_downlink_budgets_at_a_known_distance(tmp_path: Path) -> None:
    ports = connect(plain(downlink=10e6), tree(tmp_path, "{children: [{distance: 100 m}]}"))
    loss_db = UrbanMicro("nlos").loss_db(100.0, 3.5e9, False)
    up_db = 23 + 5 - loss_db - (-174 + 10 * math.log10(20e6) + 5)
    down_db = 30 + 5 - loss_db - (-174 + 10 * math.log10(10e6) + 9)
    up, down = ports.up[0], ports.down.links[0]
    assert [10 * math.log10(link.snr or 0) for link in (up, down)] == pytest.approx(
        [up_db, down_db], abs=1e-9
    )
    assert up.channel.mean_rate_bps == pytest.approx(20e6 * math.log2(1 + 10 ** (up_db / 10)), rel=1e-12)
    assert down.channel.mean_rate_bps == pytest.approx(10e6 * math.log2(1 + 10 ** (down_db / 10)), rel=1e-12)


def test_oracle_an_interference_margin_lowers_the_snr_in_both_directions() -> None:
    one, other = (connect(plain(interference_margin=m), Fanout([3]).grow()) for m in (0.0, 3.0))
    for before, after in zip((*one.up, *one.down.links), (*other.up, *other.down.links), strict=True):
        assert (before.snr or 0) / (after.snr or 1) == pytest.approx(10**0.3, rel=1e-12)


def test_coordinates_of_both_ends_take_precedence_over_the_edges_distance(tmp_path: Path) -> None:
    far = "{x_m: 0, y_m: 0, children: [{x_m: 60, y_m: 80, distance: 200 m}]}"
    near = "{children: [{x_m: 60, y_m: 80, distance: 100 m}]}"
    assert snrs(connect(plain(), tree(tmp_path, far))) == pytest.approx(
        snrs(connect(plain(), tree(tmp_path, near))), rel=1e-12
    )


def test_a_distance_outside_the_path_loss_names_device_and_distance(tmp_path: Path) -> None:
    message = "'phone' is 3 m from 'cloud', but urban_micro covers 10 m to 5000 m, got 3 m"
    with pytest.raises(ValueError, match=re.escape(message)):
        connect(Cell(), tree(tmp_path, "{children: [{name: phone, distance: 3 m}]}"))


@pytest.mark.parametrize("part", [Cell(), Cell(fading=Block(coherence_time=0.01)), plain()])
def test_links_do_not_change_in_a_deeper_tree_but_with_the_seed(part: Cell) -> None:
    def airtimes_s(fanout: list[int], seed: int) -> list[float]:
        topology = Fanout(fanout).grow()
        ports = [part.connect(simpy.Environment(), p, p.children, seed) for p in topology.levels[1]]
        return [link.airtime_s(1_000_000, 2.0) for port in ports for link in port.up]

    assert airtimes_s([6], 1) == airtimes_s([2, 3], 1) == airtimes_s([1, 3, 2], 1)
    assert set(airtimes_s([6], 1)).isdisjoint(airtimes_s([6], 2))


def test_both_directions_have_one_medium_each_for_all_children() -> None:
    ports = connect(Cell(), Fanout([5]).grow())
    up, down = {id(link.medium) for link in ports.up}, {id(link.medium) for link in ports.down.links}
    assert len(up) == len(down) == 1
    assert up != down


def test_an_edges_rate_and_latency_override_the_budget(tmp_path: Path) -> None:
    topology = tree(tmp_path, "{children: [{rate: 3 Mbit/s, latency: 7 ms}, {}]}")
    ports = connect(Cell(loss=Erasure(0.5)), topology)
    for one, other in (ports.up, ports.down.links):
        assert (one.channel, one.latency_s, one.snr) == (FixedRate(3e6), 0.007, None)
        assert (other.channel, other.latency_s) != (FixedRate(3e6), 0.007)
        assert one.error_rate == other.error_rate == 0.5


def test_a_loss_by_snr_uses_the_mean_snr_of_the_link() -> None:
    ports = connect(plain(loss=Waterfall(2.0, "none")), Fanout([3]).grow())
    for link in (*ports.up, *ports.down.links):
        assert link.error_rate == pytest.approx(-math.expm1(-2.0 / (link.snr or 0)), rel=1e-12)


def test_block_fading_is_independent_per_device_and_direction() -> None:
    ports = connect(plain(fading=Block(coherence_time=0.01), pathloss=FixedGain(-110.0)), Fanout([4]).grow())
    assert all(isinstance(link.channel, BlockFadingChannel) for link in ports.up)
    assert len({link.snr for link in ports.up}) == 1
    times_s = [link.airtime_s(100_000, 0.0) for link in (*ports.up, *ports.down.links)]
    assert len(set(times_s)) == 8


DEAF = {"rate_map": CqiTable(), "fading": NoFading(), "shadowing": LognormalShadowing(8.0)}


def test_unserved_devices_are_drawn_again_until_the_cell_covers_them() -> None:
    part = plain(**DEAF, placement=Annulus((100.0, 1000.0)))
    ports = connect(part, Fanout([300]).grow())
    assert all(link.channel.mean_rate_bps > 0 for link in ports.up)
    assert min(snrs(ports)) > 10**-0.67 > 0.2
    with pytest.raises(ValueError, match=re.escape("more) has no uplink rate: ")):
        connect(plain(**DEAF, placement=Annulus((100.0, 1000.0)), unserved="refuse"), Fanout([300]).grow())


def test_served_devices_keep_their_positions_when_others_are_drawn_again() -> None:
    wide = plain(**DEAF, placement=Annulus((100.0, 1000.0)))
    bound = plain(**(DEAF | {"rate_map": Shannon()}), placement=Annulus((100.0, 1000.0)))
    drawn, first = (snrs(connect(part, Fanout([300]).grow())) for part in (wide, bound))
    kept = [a == b for a, b in zip(drawn, first, strict=True)]
    assert kept == [snr >= 10**-0.67 for snr in first]
    assert 50 < sum(kept) < 300


@pytest.mark.parametrize("unserved", ["redraw", "refuse"])
def test_a_device_without_a_rate_is_named_with_its_distance_and_snr(unserved: str, tmp_path: Path) -> None:
    part = plain(rate_map=TruncatedShannon(), device_power=-40.0, unserved=unserved)
    again = " in any of 100 draws" if unserved == "redraw" else ""
    message = f"'far' has no uplink rate{again}: 200 m from 'cloud' the mean SNR is -"
    with pytest.raises(ValueError, match=re.escape(message)):
        connect(part, tree(tmp_path, "{children: [{name: far, distance: 200 m}]}"))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"uplink": 0.0}, "uplink must be > 0"),
        ({"preset": "mars"}, "preset must be one of urban_micro, urban_macro, wifi, factory, tran2019, "),
        ({"downcast": "x"}, "downcast must be one of broadcast, unicast, got 'x'"),
        ({"packets": "x"}, "packets must be one of ethernet, radio, none, got 'x'"),
        ({"access": "cdma"}, "access must be one of airtime, fdma, tdma, wifi, got 'cdma'"),
        ({"unserved": None}, "unserved must be one of redraw, refuse, got None"),
        ({"interference_margin": -1.0}, "interference_margin must be >= 0 dB, got -1 dB"),
        (
            {"placement": Annulus((1.0, 10.0))},
            "placement reaches from 1 m to 10 m: urban_micro covers 10 m to 5000 m, got 1 m; set placement",
        ),
        ({"pathloss": Macro()}, "macro covers 35 m to 5000 m, got 10 m"),
        (
            {"pathloss": Macro(), "placement": Annulus((40.0, 90.0))},
            "macro covers 1.5 to 2.5 GHz, got 3.5 GHz",
        ),
        ({"device_power": math.nan}, "device_power must be a finite number"),
    ],
)
def test_an_invalid_cell_is_rejected(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Cell(**bad)


def test_description_of_a_cell() -> None:
    assert Cell(downlink=5e6).describe() == (
        "cell: 20 MHz up, 5 MHz down at 3.5 GHz, 38.901 UMi LOS/NLOS, 10 m to 250 m, ergodic Rayleigh, "
        "truncated Shannon, airtime, broadcast downlink"
    )
    assert "log-distance, exponent 2" in Cell(pathloss=LogDistance(2.0)).describe()
    assert Cell(loss=Erasure(0.1)).describe().endswith("broadcast downlink, erasure, 0.1 per message")
