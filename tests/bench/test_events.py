"""The event loop without training: shared flows per second, and the cost per device for 1,000 to 100,000 devices.

Run by `make bench`; process time, one thread. The only assertion is that the cost per device does not grow.
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
    start_s = time.process_time()
    env.run()
    with capsys.disabled():
        print(f"\nshared flows: {flows / (time.process_time() - start_s):,.0f} per second")


def seconds_of(devices: int, rounds: int) -> float:
    scene = load_text(SCENE.format(edges=devices // 1000, rounds=rounds), "scale.yaml")
    start_s = time.process_time()
    run = execute(scene, engine="timing")
    assert run.trace.rounds[-1]["round"] == rounds
    return time.process_time() - start_s


def test_seconds_of_ten_rounds_with_ten_thousand_devices(capsys: pytest.CaptureFixture[str]) -> None:
    spent = seconds_of(10_000, 10)
    with capsys.disabled():
        print(f"\n10,000 devices, 3 layers, tau (5, 2, 2), 10 rounds, timing engine: {spent:.1f} s")


def test_the_cost_per_device_does_not_grow_with_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    costs = {devices: seconds_of(devices, 2) / devices for devices in (1_000, 10_000, 100_000)}
    with capsys.disabled():
        for devices, cost in costs.items():
            print(f"\n{devices:,} devices: {1e6 * cost:.0f} microseconds per device for two rounds")
    assert costs[100_000] < 3 * costs[1_000]
