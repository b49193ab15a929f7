"""Energy up to a deadline: fractions of unfinished messages and steps, and idle energy up to the deadline."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.energy.meter import Joules
from netsim.simulation.run import Run, execute
from tests.simulation.runs import scenario

STEP_S, POWER_W, PER_BIT_J = 0.5, 2.0, 1e-6
ENERGY = f"""{{
  compute: {{active_power: {POWER_W} W}}, wired_per_bit: 1 uJ/bit,
  device: {{amplifier_efficiency: 0.5, circuit_power: 0.1 W, receive_power: 0.3 W, idle_power: 0.02 W}},
  station: {{amplifier_efficiency: 0.25, circuit_power: 5 W, receive_power: 3 W, idle_power: 2 W}}}}"""
DEVICES = 4
SENDS_W = {"up": 10 ** ((23 - 30) / 10) / 0.5 + 0.1, "down": 10 ** ((30 - 30) / 10) / 0.25 + 5}
HEARS_W = {"up": 3.0, "down": 0.3}


def run(network: str, deadline_s: float | None = None) -> Run:
    """A star of 4 equal devices, 2 steps of half a second and one upload each."""
    cut = "" if deadline_s is None else f", deadline: {deadline_s!r} s"
    star = scenario(
        [DEVICES],
        "fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 2}",
        devices=f"{{compute: {{constant: {{step: {STEP_S} s}}}}}}",
        network=f"[{network}]",
        energy=ENERGY,
        stop=f"{{rounds: 2{cut}}}",
    )
    return execute(star, engine="timing")


def cell(access: str) -> str:
    powers = "device_power: 23 dBm, station_power: 30 dBm, placement: {distances: {distances: [100 m, 100 m, 100 m, 100 m]}}"
    return (
        f"{{cell: {{{powers}, access: {access}, fading: none, shadowing: none, uplink: 1 MHz, downlink: 1 MHz, "
        "pathloss: {log_distance: {exponent: 3}}}}"
    )


def spent(one: Run) -> Any:
    assert one.trace.meter is not None
    return one.trace.meter.closed_j


def first_message(network: str, direction: str) -> Any:
    """The first message of a direction; all uploads of a round start at the same time."""
    return next(row for row in run(network).trace.messages if row["direction"] == direction)


WIRED = "{wired: {rate: 100 kbit/s, latency: 70 ms, shared: false}}"


def test_interrupted_computing_is_charged_for_its_time_and_idle_power_for_the_rest() -> None:
    heard_s = first_message(WIRED, "down")["arrived_s"]
    cut = spent(run(WIRED, heard_s + 0.3))
    assert cut.compute_j == pytest.approx(DEVICES * POWER_W * 0.3, rel=1e-9)
    assert cut.idle_j == pytest.approx(DEVICES * 0.02 * heard_s, rel=1e-9)


def test_a_wired_link_is_charged_for_the_bits_sent() -> None:
    up = first_message(WIRED, "up")
    cut = spent(run(WIRED, up["sent_s"] + 0.25 * up["airtime_s"]))
    assert cut.wired_j == pytest.approx(DEVICES * PER_BIT_J * up["wire_bits"] * 1.25, rel=1e-9)


def test_a_message_fully_sent_but_not_arrived_is_charged_in_full() -> None:
    up = first_message(WIRED, "up")
    cut = spent(run(WIRED, up["arrived_s"] - 0.01))
    assert cut.wired_j == pytest.approx(DEVICES * PER_BIT_J * up["wire_bits"] * 2, rel=1e-9)


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("access", ["airtime", "tdma", "fdma"])
def test_an_interrupted_transfer_is_charged_for_its_airtime(access: str, direction: str) -> None:
    """With every access scheme the cell has served the whole time since the uploads (or the broadcast) started."""
    row = first_message(cell(access), direction)
    gone_s = 0.3 * row["airtime_s"]
    before = spent(run(cell(access), row["sent_s"] * (1 - 1e-12))) if row["sent_s"] else Joules()
    cut = spent(run(cell(access), row["sent_s"] + gone_s))
    senders = DEVICES if direction == "up" and access == "fdma" else 1
    receivers = DEVICES if direction == "down" else 1
    sent_j, heard_j = cut.transmit_j - before.transmit_j, cut.receive_j - before.receive_j
    assert sent_j == pytest.approx(SENDS_W[direction] * gone_s * senders, rel=1e-6)
    assert heard_j == pytest.approx(HEARS_W[direction] * gone_s * receivers, rel=1e-6)


def test_with_tdma_the_first_transfer_is_charged_and_the_last_is_not() -> None:
    row = first_message(cell("tdma"), "up")
    joules = (
        spent(run(cell("tdma"), row["sent_s"] + 1.25 * row["airtime_s"])).transmit_j
        - SENDS_W["down"] * first_message(cell("tdma"), "down")["airtime_s"]
    )
    assert joules == pytest.approx(SENDS_W["up"] * 1.25 * row["airtime_s"], rel=1e-9)


def test_idle_energy_is_charged_up_to_the_deadline() -> None:
    """There is no event between the start and the end of an upload; every radio is idle when it is not busy."""
    row = first_message(cell("airtime"), "up")
    deadline_s = row["sent_s"] + 0.5 * row["airtime_s"]
    cut, down_s = spent(run(cell("airtime"), deadline_s)), first_message(cell("airtime"), "down")["airtime_s"]
    on_air_s = 0.5 * row["airtime_s"]
    phones_s = DEVICES * (deadline_s - down_s - 2 * STEP_S) - on_air_s
    station_s = deadline_s - down_s - on_air_s
    assert cut.idle_j == pytest.approx(0.02 * phones_s + 2 * station_s, rel=1e-9)
    assert run(cell("airtime"), deadline_s).env.now == deadline_s


def test_bits_of_unfinished_messages_count_in_full() -> None:
    row = first_message(WIRED, "up")
    totals = run(WIRED, row["sent_s"] + 0.25 * row["airtime_s"]).trace.totals
    assert totals["wire_bits_up"] == [DEVICES * row["wire_bits"]]
    assert totals["bits_up"] == [DEVICES * row["payload_bits"]]


def test_a_deadline_after_the_end_changes_no_energy() -> None:
    free = run(WIRED)
    assert spent(run(WIRED, free.env.now * 2)) == spent(free) == spent(run(WIRED, free.env.now))
