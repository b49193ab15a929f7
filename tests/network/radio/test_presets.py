"""Presets: each is complete, has a source, serves its devices, and has the values of its paper."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import simpy

from netsim.network.links import ParentLinks
from netsim.network.radio.cell import Cell, Preset
from netsim.network.radio.fading import Block, Ergodic
from netsim.network.radio.link_budget import thermal_noise_dbm
from netsim.network.radio.path_loss import Macro
from netsim.network.radio.placement import Annulus
from netsim.network.radio.presets import PRESETS, SOURCES
from netsim.topology import Fanout
from netsim.units import w_from_dbm


def connect(part: Cell, count: int = 50, seed: int = 1) -> ParentLinks:
    root = Fanout([count]).grow().root
    return part.connect(simpy.Environment(), root, root.children, seed)


def test_every_preset_has_a_name_and_a_source() -> None:
    assert set(PRESETS) == set(SOURCES) == set(get_args(Preset))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_preset_serves_all_its_devices_at_realistic_rates(name: Preset, seed: int) -> None:
    ports = connect(Cell(name), seed=seed)
    for link in (*ports.up, *ports.down.links):
        assert 1e3 < link.channel.mean_rate_bps < 2e9
    assert len({link.snr for link in ports.up}) == 50


@pytest.mark.parametrize("name", ["yang2021", "wifi", "factory"])
def test_values_without_a_source_are_called_unverified(name: str) -> None:
    assert "unverified" in SOURCES[name]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_averages_over_fading(name: str) -> None:
    assert PRESETS[name].fading == Ergodic()


def test_oracle_tran2019_has_its_papers_gain_noise_and_power() -> None:
    radio = PRESETS["tran2019"]
    assert w_from_dbm(thermal_noise_dbm(1e6) + radio.station_noise_figure) == pytest.approx(1e-10, rel=1e-9)
    assert w_from_dbm(radio.device_power) == pytest.approx(1.0, rel=1e-12)
    assert radio.pathloss.loss_db(50.0, 2e9, False) == pytest.approx(
        -10 * math.log10(1e-4 * 50**-4), rel=1e-12
    )


def test_oracle_chen2021_has_one_megahertz_for_each_of_twelve_devices() -> None:
    ports, radio = connect(Cell("chen2021"), 12), PRESETS["chen2021"]
    assert radio.pathloss.loss_db(500.0, 2e9, False) == pytest.approx(-10 * math.log10(500.0**-2), rel=1e-12)
    interference_w = w_from_dbm(thermal_noise_dbm(1e6) + radio.interference_margin)
    assert interference_w == pytest.approx(5e-8, rel=0.02)
    for link in ports.up:
        snr = link.snr or 0.0
        a = 1.08 / snr
        assert 0 < link.error_rate < 1 - math.exp(-a) + 0.2
        assert link.channel.mean_rate_bps < 1e6 * math.log2(1 + snr)


def test_oracle_yang2021_has_the_macro_formula_with_8_db() -> None:
    radio = PRESETS["yang2021"]
    assert radio.pathloss == Macro()
    assert radio.pathloss.loss_db(250.0, 2e9, False) == pytest.approx(105.4626, abs=1e-4)
    assert getattr(radio.shadowing, "sigma", None) == 8.0


def test_given_values_replace_those_of_the_preset() -> None:
    block = Block(coherence_time=0.01)
    radio = Cell("urban_macro", uplink=5e6, fading=block, placement=Annulus((35.0, 100.0))).radio
    assert (radio.uplink, radio.station_power, radio.fading) == (5e6, 46.0, block)
    assert radio.placement == Annulus((35.0, 100.0))
    assert radio.pathloss == PRESETS["urban_macro"].pathloss
