"""Cells: distances, link budgets, shared airtime; wired links: trunks, lines, latency."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

from netsim.network import NETWORKS, Cell, Ports, Wired
from netsim.network.channels import FixedRate, Shannon
from netsim.network.pathloss import LogDistance, Macro, UrbanMicro
from netsim.network.placement import annulus_m
from netsim.topology import Fanout, File, Topology


def connected(part: Cell | Wired, topology: Topology, seed: int = 1) -> Ports:
    parent = topology.levels[1][0]
    return part.connect(simpy.Environment(), parent, parent.children, seed)


def tree(tmp_path: Path, text: str) -> Topology:
    (tmp_path / "t.yaml").write_text(text)
    return File("t.yaml").grow([tmp_path])


def shannon(channel: object) -> Shannon:
    assert isinstance(channel, Shannon)
    return channel


def test_oracle_uplink_and_downlink_budgets_at_a_known_distance(tmp_path: Path) -> None:
    ports = connected(Cell(downlink=10e6), tree(tmp_path, "{children: [{distance: 100 m}]}"))
    loss_db = UrbanMicro().loss_db(100.0, 3.5e9)
    up_db = 23 + 5 - loss_db - (-174 + 10 * math.log10(20e6) + 5)
    down_db = 30 + 5 - loss_db - (-174 + 10 * math.log10(10e6) + 9)
    up, down = shannon(ports.up[0].channel), shannon(ports.down.links[0].channel)
    assert 10 * math.log10(up.snr) == pytest.approx(up_db, abs=1e-9)
    assert 10 * math.log10(down.snr) == pytest.approx(down_db, abs=1e-9)
    assert (up.bandwidth_hz, down.bandwidth_hz) == (20e6, 10e6)


def test_coordinates_of_both_ends_go_before_the_edges_distance(tmp_path: Path) -> None:
    far = "{x_m: 0, y_m: 0, children: [{x_m: 60, y_m: 80, distance: 200 m}]}"
    near = "{children: [{x_m: 60, y_m: 80, distance: 100 m}]}"
    rates = [shannon(connected(Cell(), tree(tmp_path, t)).up[0].channel).rate_bps for t in (far, near)]
    assert rates[0] == rates[1]


def test_a_distance_outside_the_path_loss_names_device_and_distance(tmp_path: Path) -> None:
    said = "'phone' is 3 m from 'cloud', but urban_micro covers 10 m to 5000 m, got 3 m"
    with pytest.raises(ValueError, match=re.escape(said)):
        connected(Cell(), tree(tmp_path, "{children: [{name: phone, distance: 3 m}]}"))


def test_devices_keep_their_places_in_a_deeper_tree_and_with_other_seeds_move() -> None:
    def snrs(fanout: list[int], seed: int) -> list[float]:
        topology = Fanout(fanout).grow()
        ports = [Cell().connect(simpy.Environment(), p, p.children, seed) for p in topology.levels[1]]
        return [shannon(link.channel).snr for port in ports for link in port.up]

    assert snrs([6], 1) == snrs([2, 3], 1) == snrs([1, 3, 2], 1)
    assert set(snrs([6], 1)).isdisjoint(snrs([6], 2))


def test_oracle_placement_is_uniform_in_area() -> None:
    drawn = annulus_m((10.0, 250.0), 3, 0, range(40_000))
    share = (drawn**2 - 10**2) / (250**2 - 10**2)
    assert drawn.min() >= 10
    assert drawn.max() <= 250
    assert np.abs(np.sort(share) - (np.arange(40_000) + 0.5) / 40_000).max() < 1.95 / math.sqrt(40_000)


def test_both_directions_have_one_medium_each_for_all_children() -> None:
    ports = connected(Cell(), Fanout([5]).grow())
    up, down = {id(link.medium) for link in ports.up}, {id(link.medium) for link in ports.down.links}
    assert len(up) == len(down) == 1
    assert up != down


@pytest.mark.parametrize("name", NETWORKS)
def test_an_edges_rate_and_latency_override_the_layers(tmp_path: Path, name: str) -> None:
    topology = tree(tmp_path, "{children: [{rate: 3 Mbit/s, latency: 7 ms}, {}]}")
    ports = connected(NETWORKS[name](), topology)  # type: ignore[arg-type]
    for one, other in (ports.up, ports.down.links):
        assert (one.channel, one.latency_s) == (FixedRate(3e6), 0.007)
        assert (other.channel, other.latency_s) != (FixedRate(3e6), 0.007)


def test_the_macro_preset_is_its_own_cell() -> None:
    radio = Cell("urban_macro", uplink=5e6).radio
    assert (radio.uplink, radio.station_power, radio.pathloss) == (5e6, 46.0, Macro(penetration_loss=20.0))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"uplink": 0.0}, "uplink must be > 0"),
        ({"preset": "mars"}, "preset must be one of urban_micro, urban_macro, got 'mars'"),
        ({"downcast": "x"}, "downcast must be one of broadcast, unicast, got 'x'"),
        ({"packets": "x"}, "packets must be one of ethernet, radio, none, got 'x'"),
        ({"interference_margin": -1.0}, "interference_margin must be >= 0 dB, got -1 dB"),
        ({"radius": (250.0, 10.0)}, "radius must be [inner, outer], got [250 m, 10 m]; swap them"),
        (
            {"radius": (1.0, 10.0)},
            "radius [1 m, 10 m]: urban_micro covers 10 m to 5000 m, got 1 m; set radius",
        ),
        ({"pathloss": Macro(), "radius": (40.0, 90.0)}, "macro covers 1.5 to 2.5 GHz, got 3.5 GHz"),
        ({"device_power": math.nan}, "device_power must be a finite number"),
    ],
)
def test_an_impossible_cell_is_refused(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Cell(**bad)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"rate": -1.0}, "rate must be > 0"),
        ({"latency": "soon"}, "latency must be a time or from_distance, got 'soon'"),
        ({"latency": -1.0}, "latency must be >= 0"),
        ({"route_factor": 0.5}, "route_factor must be >= 1, got 0.5"),
        ({"downcast": "x"}, "downcast must be broadcast or unicast, got 'x'"),
        ({"packets": "x"}, "packets must be one of"),
        (
            {"shared": False, "downcast": "broadcast"},
            "downcast must be unicast on private lines, got broadcast",
        ),
    ],
)
def test_an_impossible_wired_link_is_refused(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Wired(**bad)


def test_oracle_latency_from_coordinates(tmp_path: Path) -> None:
    topology = tree(tmp_path, "{x_km: 0, y_km: 0, children: [{x_km: 300, y_km: 400}, {distance: 100 km}]}")
    ports = connected(Wired(latency="from_distance"), topology)
    assert [link.latency_s for link in ports.up] == pytest.approx([3.75e-3, 0.75e-3], rel=1e-12)
    with pytest.raises(
        ValueError, match="latency is from_distance, but 'device0' has no distance to 'cloud'"
    ):
        connected(Wired(latency="from_distance"), Fanout([1]).grow())


def test_private_lines_carry_a_copy_for_each_child_without_contention() -> None:
    ports = connected(Wired(1e6, latency=0.0, shared=False, packets="none"), Fanout([4]).grow())
    sent = ports.down.send(1_000_000)
    ports.up[0].env.run()
    assert (sent.transfers, ports.up[0].env.now) == (4, 1.0)


def test_a_trunk_is_shared_and_broadcasts_once() -> None:
    ports = connected(Wired(1e6, latency=0.0, packets="none"), Fanout([4]).grow())
    assert ports.down.send(1_000_000).transfers == 1
    for link in ports.up:
        link.send(1_000_000)
    ports.up[0].env.run()
    assert ports.up[0].env.now == pytest.approx(4.0, rel=1e-12)


def test_each_part_describes_itself_in_one_line() -> None:
    said = "cell: 20 MHz up, 5 MHz down at 3.5 GHz, 38.901 UMi NLOS, 10 m to 250 m, broadcast downlink"
    assert Cell(downlink=5e6).describe() == said
    assert Wired(1e8, latency=0.005).describe() == "wired: 100 Mbit/s, 5 ms, shared trunk, broadcast downlink"
    assert "log-distance, exponent 2" in Cell(pathloss=LogDistance(2.0)).describe()
