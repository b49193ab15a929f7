"""The event loop alone: shared flows per second, and the cost of a device from a thousand to a hundred thousand.

Run by `make bench`; process time, one thread. No number is asserted but the shape: cost per device stays flat.
"""

from __future__ import annotations

import time

import pytest
import simpy

from netsim.network.media import SharedMedium
from netsim.scenario import load_text
from netsim.simulation.run import execute

pytestmark = pytest.mark.bench

SCENE = """\
name: scale
task: {{dataset: {{synthetic: {{dim: 7850, samples: 2}}}}}}
topology: {{fanout: [10, {edges}, 100]}}
devices: {{compute: {{constant: {{step: 10 ms, spread: {{lognormal: 0.4}}}}}}}}
algorithm: {{qmlhfl: {{learning_rate: 0.1, batch_size: 1, tau: [5, 2, 2], levels: [4, 8, 16]}}}}
network:
  - cell: {{preset: urban_micro}}
  - wired: {{rate: 1 Gbit/s}}
  - wired: {{rate: 10 Gbit/s}}
stop: {{rounds: {rounds}}}
"""


def test_shared_flows_per_second(capsys: pytest.CaptureFixture[str]) -> None:
    env, flows = simpy.Environment(), 100_000
    medium = SharedMedium(env)
    for k in range(flows):
        env.timeout(0.01 * k).callbacks.append(lambda _, k=k: medium.serve(0.005 + 0.001 * (k % 7)))
    begun = time.process_time()
    env.run()
    with capsys.disabled():
        print(f"\nshared flows: {flows / (time.process_time() - begun):,.0f} per second")


def seconds_of(devices: int, rounds: int) -> float:
    scene = load_text(SCENE.format(edges=devices // 1000, rounds=rounds), "scale.yaml")
    begun = time.process_time()
    run = execute(scene, engine="timing")
    assert run.trace.rounds[-1]["round"] == rounds
    return time.process_time() - begun


def test_ten_thousand_devices_for_ten_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    spent = seconds_of(10_000, 10)
    with capsys.disabled():
        print(f"\n10,000 devices, 3 layers, tau (5, 2, 2), 10 rounds, timing engine: {spent:.1f} s")


def test_the_cost_of_a_device_stays_flat(capsys: pytest.CaptureFixture[str]) -> None:
    costs = {devices: seconds_of(devices, 2) / devices for devices in (1_000, 10_000, 100_000)}
    with capsys.disabled():
        for devices, cost in costs.items():
            print(f"\n{devices:,} devices: {1e6 * cost:.0f} microseconds per device for two rounds")
    assert costs[100_000] < 3 * costs[1_000]
