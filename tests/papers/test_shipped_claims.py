"""The claims in the headers of the shipped scenarios, as inequalities."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.scenario import load
from netsim.simulation.run import execute, simulate

FULL_PRECISION = (
    "algorithm={leaf: {learning_rate: 0.001, batch_size: 32},"
    " layers: [{tau: 1, up: none, rule: mean}, {tau: 10, up: none, rule: mean}]}"
)


def test_quickstart_reaches_92_percent_in_4_simulated_seconds_mostly_radio_time() -> None:
    result = simulate(load("quickstart"), device="cpu")
    accuracy = result.last("accuracy")
    assert accuracy is not None
    assert accuracy.value >= 0.92
    assert result.sim_time_s < 4.0
    radio_s = result.rounds["path_down_s_1"].sum() + result.rounds["path_up_s_1"].sum()
    assert radio_s > 0.5 * result.sim_time_s


def test_the_quickstart_s_deadline_cuts_only_the_slowest_point_of_its_sweep() -> None:
    from netsim.sweep import points_of

    points = points_of("quickstart", [], load("quickstart"))
    ends = {
        (p.settings["network[0].cell.uplink"], execute(p.load(), engine="timing").stopped_by) for p in points
    }
    assert ends == {("1 MHz", "deadline"), ("5 MHz", "rounds"), ("20 MHz", "rounds")}


def test_hier_sign_sgd_uploads_one_32nd_of_full_precision(mnist_dir: Path) -> None:
    signs = execute(load("mnist_hier_sign_sgd", ["stop.rounds=2"]), engine="timing")
    floats = execute(load("mnist_hier_sign_sgd", ["stop.rounds=2", FULL_PRECISION]), engine="timing")
    assert floats.trace.totals["bits_up"][0] == 32 * signs.trace.totals["bits_up"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("mnist_qmlhfl", 0.93), ("mnist_hier_sign_sgd", 0.90)])
def test_mnist_scenarios_reach_their_documented_accuracy(name: str, least: float, mnist_dir: Path) -> None:
    accuracy = simulate(load(name), device="cpu").last("accuracy")
    assert accuracy is not None
    assert accuracy.value >= least


@pytest.mark.slow
def test_deeper_trees_over_the_same_devices_take_slightly_longer(mnist_dir: Path) -> None:
    times = [execute(load(f"mnist_layers_{n}"), engine="timing").env.now for n in (2, 3, 4)]
    assert times[0] < times[1] < times[2] < 1.05 * times[0]
