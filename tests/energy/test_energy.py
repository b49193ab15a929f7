"""Energy: closed forms, and a meter whose parts sum to its total."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.devices.compute import Clock, Constant, Cycles, Flops, Work
from netsim.devices.variation import ShiftedExponential, UniformVariation
from netsim.energy.consumption import (
    COMPUTE_ENERGY,
    ActivePower,
    Energy,
    Kappa,
    Station,
    Terminal,
    cycles_j,
    idle_j,
    receive_j,
    transmit_j,
)
from netsim.energy.meter import Joules, Meter, Radios
from netsim.network import Cell, Wired
from netsim.topology import Fanout

TREE = Fanout([2, 3]).grow()
DEVICES, EDGES, CLOUD = TREE.levels[0], TREE.levels[1], TREE.root
RADIOS = (Radios(0.2, 1.0), None)
PAPER = Cycles(1e9, cycles_per_bit=20.0, bits_per_sample=6e7)


def clock(part: Any = PAPER, samples: int = 1) -> Clock:
    made: Clock = part.clock(Work(1e6, samples), range(6), 3)
    return made


def test_oracle_E1_energy_and_time_of_cycles() -> None:
    """1e-28 x 20 x 6e7 x (1e9)^2 = 0.12 J in 1.2 s."""
    one = clock()
    seconds = one.local_work_s(0, 1, 0)
    assert Kappa(1e-28).compute_j(one, 0, 1, seconds) == pytest.approx(0.12, rel=1e-9)
    assert seconds == pytest.approx(1.2, rel=1e-9)
    assert cycles_j(1e-28, 1.2e9, 1e9) == pytest.approx(0.12, rel=1e-12)


def test_oracle_E1_sending_receiving_and_waiting() -> None:
    assert transmit_j(0.2, 3.0, 0.4, 0.1) == pytest.approx((0.2 / 0.4 + 0.1) * 3, rel=1e-12)
    assert receive_j(0.3, 2.0) == pytest.approx(0.6, rel=1e-12)
    assert (idle_j(0.5, 10.0, 4.0), idle_j(0.5, 1.0, 4.0)) == (3.0, 0.0)


def test_half_the_frequency_takes_twice_the_time_and_a_quarter_of_the_energy() -> None:
    fast, slow = clock(), clock(replace(PAPER, rate=5e8))
    assert slow.local_work_s(0, 1, 0) == 2 * fast.local_work_s(0, 1, 0)
    joules = [Kappa().compute_j(one, 0, 1, 9.0) for one in (fast, slow)]
    assert joules[1] == pytest.approx(joules[0] / 4, rel=1e-12)


def test_jitter_adds_time_and_active_energy_but_no_cycles() -> None:
    still, shaken = clock(), clock(replace(PAPER, jitter=ShiftedExponential(1.0)))
    times = [one.local_work_s(2, 4, 8) for one in (still, shaken)]
    assert times[0] != times[1]
    assert Kappa().compute_j(still, 2, 4, times[0]) == Kappa().compute_j(shaken, 2, 4, times[1])
    assert ActivePower(2.0).compute_j(shaken, 2, 4, times[1]) == 2 * times[1]


def test_kappa_without_cycles_is_rejected_with_a_remedy() -> None:
    message = "kappa needs cycles and a frequency, which only `compute: cycles` has; use it, or"
    with pytest.raises(ValueError, match=re.escape(message)):
        Meter(Energy(Kappa()), TREE, clock(Flops()), RADIOS)
    with pytest.raises(ValueError, match=re.escape(message)):
        Kappa().compute_j(clock(Flops()), 0, 1, 1.0)


def meter(radios: Any = RADIOS, **more: Any) -> Meter:
    return Meter(Energy(Kappa(), **more), TREE, clock(), radios)


def execute(one: Meter) -> Meter:
    """A round of 10 s: the cloud sends to an edge, which sends to its devices; they compute and upload."""
    one.charge_transfer(2, CLOUD, EDGES[:1], 1000.0, 0.1)
    one.charge_transfer(1, EDGES[0], EDGES[0].children, 1000.0, 0.5)
    for device in EDGES[0].children:
        one.record_compute(device, 2, 2.4, 0.0)
        one.charge_transfer(1, device, EDGES[:1], 400.0, 0.25)
    one.charge_transfer(2, EDGES[0], [CLOUD], 700.0, 0.1)
    return one


def test_a_broadcast_is_sent_once_and_received_by_all() -> None:
    one, energy = meter(), Energy(Kappa())
    one.charge_transfer(1, EDGES[0], EDGES[0].children, 1000.0, 0.5)
    assert one.node_j["edge0"] == Joules(transmit_j=energy.station.transmit_j(1.0, 0.5))
    assert [one.node_j[d.name].receive_j for d in DEVICES] == [0.29 * 0.5] * 3 + [0.0] * 3


def test_a_wired_layer_charges_bits_to_the_sender_and_no_airtime() -> None:
    one = meter(wired_per_bit=1e-6)
    one.charge_transfer(2, EDGES[1], [CLOUD], 5000.0, 99.0)
    assert one.node_j["edge1"] == Joules(wired_j=0.005)
    assert one.node_j["cloud"] == Joules()


def test_idle_time_is_the_round_minus_computing_and_airtime() -> None:
    done = execute(meter()).close(10.0)
    assert done["device0"].idle_j == pytest.approx(0.1 * (10 - 0.5 - 2.4 - 0.25))
    assert done["device5"].idle_j == pytest.approx(0.1 * 10)
    assert done["edge0"].idle_j == pytest.approx(39 * (10 - 0.5 - 3 * 0.25))
    assert done["edge1"].idle_j == pytest.approx(39 * 10)
    assert done["cloud"].idle_j == 0.0


def test_oracle_E1_components_sum_to_the_total_by_node_and_by_layer() -> None:
    one = execute(meter())
    done = one.close(10.0)
    total = one.closed_j
    assert sum(j.total_j for j in done.values()) == pytest.approx(total.total_j, rel=1e-12)
    assert total.compute_j == pytest.approx(6 * 0.12, rel=1e-12)
    assert sum(one.layer_j) == pytest.approx(total.transmit_j + total.receive_j + total.wired_j, rel=1e-12)
    assert one.layer_j[1] == pytest.approx(1700 * 2.7e-6, rel=1e-12)


def test_a_new_round_starts_at_zero_and_totals_only_grow() -> None:
    one, totals = meter(), [0.0]
    for _ in range(3):
        execute(one).close(10.0)
        totals.append(one.closed_j.total_j)
        assert all(j == Joules() for j in one.node_j.values())
    assert [b - a for a, b in pairwise(totals)] == pytest.approx([totals[1]] * 3)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5), st.floats(0, 9)), max_size=12), st.floats(0, 60)
)
def test_energies_add_up_for_any_sequence_of_events(
    events: list[tuple[int, float, float]], length_s: float
) -> None:
    one, before = meter(), 0.0
    for ordinal, airtime_s, seconds in events:
        one.record_compute(DEVICES[ordinal], 1, seconds, 0.0)
        one.charge_transfer(1, DEVICES[ordinal], [EDGES[ordinal // 3]], 8.0, airtime_s)
        now = sum(j.total_j for j in one.node_j.values())
        assert now >= before
        before = now
    done = one.close(length_s)
    assert math.fsum(j.total_j for j in done.values()) == pytest.approx(one.closed_j.total_j)
    assert min(j.idle_j for j in done.values()) >= 0


def test_simultaneous_bands_share_one_radio_of_the_station() -> None:
    whole, own = meter(), meter((Radios(0.2, 1.0, own_bands=True), None))
    for one in (whole, own):
        for device in EDGES[0].children:
            one.charge_transfer(1, device, EDGES[:1], 400.0, 0.3)
            one.charge_transfer(1, EDGES[0], [device], 400.0, 0.3)
    assert own.node_j["edge0"].receive_j == pytest.approx(whole.node_j["edge0"].receive_j / 3)
    assert own.node_j["edge0"].transmit_j == pytest.approx(whole.node_j["edge0"].transmit_j / 3)
    assert own.node_j["device0"] == whole.node_j["device0"]


def test_a_broadcast_uses_the_whole_band_also_with_fdma() -> None:
    whole, own = meter(), meter((Radios(0.2, 1.0, own_bands=True), None))
    for one in (whole, own):
        one.charge_transfer(1, EDGES[0], EDGES[0].children, 400.0, 0.3)
    assert own.node_j == whole.node_j


def test_radiated_powers_are_those_of_the_cell() -> None:
    micro = Radios.of(Cell())
    assert micro is not None
    assert (micro.device_w, micro.station_w, micro.own_bands) == (
        pytest.approx(10**-0.7),
        pytest.approx(1),
        False,
    )
    assert Radios.of(Cell(device_power=30.0, access="fdma")) == Radios(1.0, micro.station_w, own_bands=True)
    assert Radios.of(Wired()) is None


@pytest.mark.parametrize(
    ("make", "bad", "message"),
    [
        (Kappa, {"kappa": -1.0}, "kappa must be in [0, 1)"),
        (Kappa, {"kappa": math.nan}, "kappa must be in [0, 1)"),
        (ActivePower, {"power": -1.0}, "power must be >= 0"),
        (Terminal, {"amplifier_efficiency": 0.0}, "amplifier_efficiency must be in (0, 1], got 0.0"),
        (Station, {"amplifier_efficiency": 1.2}, "amplifier_efficiency must be in (0, 1], got 1.2"),
        (Terminal, {"idle_power": -0.1}, "idle_power must be >= 0"),
        (Energy, {"compute": Kappa(), "wired_per_bit": -1.0}, "wired_per_bit must be >= 0"),
    ],
)
def test_an_invalid_energy_section_is_rejected(make: Any, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**bad)


TERMINAL = {"amplifier_efficiency": 0.5, "circuit_power": 3.0, "receive_power": 4.0, "idle_power": 5.0}
CASES: dict[str, Energy] = {
    "compute.kappa": Energy(Kappa(2e-28)),
    "compute.active_power": Energy(ActivePower(1.0)),
    "wired_per_bit": Energy(Kappa(), wired_per_bit=1e-6),
    **{f"device.{k}": Energy(Kappa(), device=Terminal(**{k: v})) for k, v in TERMINAL.items()},
    **{f"station.{k}": Energy(Kappa(), station=Station(**{k: v})) for k, v in TERMINAL.items()},
}


def joules(energy: Energy, radios: Radios = RADIOS[0]) -> list[tuple[float, ...]]:
    part = replace(PAPER, spread=UniformVariation(1.0, 2.0))
    done = execute(Meter(energy, TREE, clock(part), (radios, None))).close(10.0)
    return [tuple(getattr(j, one.name) for one in fields(j)) for j in done.values()]


@pytest.mark.parametrize("name", CASES)
def test_every_field_of_the_energy_section_changes_some_energy(name: str) -> None:
    assert joules(CASES[name]) != joules(Energy(Kappa()))


@pytest.mark.parametrize("radios", [Radios(0.4, 1.0), Radios(0.2, 2.0), Radios(0.2, 1.0, own_bands=True)])
def test_every_radiated_power_changes_some_energy(radios: Radios) -> None:
    assert joules(Energy(Kappa()), radios) != joules(Energy(Kappa()))


def test_every_field_has_a_case() -> None:
    own = {f"{end}.{f.name}" for end in ("device", "station") for f in fields(Terminal)}
    powers = {f"compute.{name}" for name in COMPUTE_ENERGY}
    assert set(CASES) == own | powers | {"wired_per_bit"}
    assert ActivePower(1.0).compute_j(clock(Constant(2.0)), 0, 1, 2.0) != ActivePower(2.0).compute_j(
        clock(Constant(2.0)), 0, 1, 2.0
    )
