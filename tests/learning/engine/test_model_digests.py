"""The digest of a model depends on everything that its values depend on, and on nothing else."""

from __future__ import annotations

from functools import cache

import pytest

from netsim.scenario import load_text
from netsim.simulation.run import execute

BASE = """\
name: base
seed: 5
task: {dataset: digits, partition: {dirichlet: {alpha: 0.5}}, model: {mlp: {hidden: [5]}}}
topology: {fanout: [2, 3]}
devices: {compute: {flops: {rate: 2 GFLOP/s, spread: {lognormal: 0.4}}}}
algorithm:
  leaf: {learning_rate: 0.2, batch_size: 8}
  layers:
    - {tau: 3, up: {qsgd: {levels: 4, bucket: 64}}, rule: {mean: {weights: devices}}, down: {qsgd: {levels: 31}}, onto: own}
    - {tau: 2, up: {top_k: {fraction: 0.5}}, rule: mean, down: {qsgd: {levels: 63}}}
network:
  - wired: {rate: 10 Mbit/s, latency: 3 ms}
  - wired: {rate: 10 Mbit/s, latency: 3 ms}
stop: {rounds: 3}
"""
LAYER, TOP = "algorithm.layers[0]", "algorithm.layers[1]"
DIFFERENT_VALUES = [
    "seed=6",
    "precision=float64",
    "task.dataset={digits: {train_limit: 1000}}",
    "task.partition=iid",
    "task.partition.dirichlet.alpha=0.6",
    "task.model.mlp.hidden=[6]",
    "task.model=logistic",
    "task={dataset: synthetic}",
    "topology.fanout=[3, 2]",
    "topology.fanout=[2, 4]",
    "algorithm.leaf.learning_rate=0.1",
    "algorithm.leaf.batch_size=9",
    f"{LAYER}.tau=4",
    f"{TOP}.tau=3",
    f"{LAYER}.up.qsgd.levels=5",
    f"{LAYER}.up.qsgd.bucket=65",
    f"{LAYER}.up=none",
    f"{LAYER}.rule.mean.weights=samples",
    f"{LAYER}.down.qsgd.levels=32",
    f"{LAYER}.down.qsgd.bucket=null",
    f"{LAYER}.down=none",
    f"{LAYER}.onto=said",
    f"{LAYER}.last=2",
    f"{LAYER}.drift=true",
    "task.shifts=[{label_flip: {fraction: 0.5}}]",
    "algorithm.prologue={leaf: {learning_rate: 1.0, batch_size: 4}, ups: [none, none], level: 1}",
    f"{TOP}.up.top_k.fraction=0.4",
    f"{TOP}.up={{rand_k: {{fraction: 0.5}}}}",
    f"{TOP}.up={{none: {{format: fp16}}}}",
    f"{TOP}.rule={{mean: {{weights: samples}}}}",
    f"{TOP}.down.qsgd.levels=64",
    f"{TOP}.onto=own",
]
EQUAL_VALUES = [
    "name=other",
    "network[0].wired.rate=1 Mbit/s",
    "network[1]={delay: {uplink: 3 s}}",
    "network[0]={cell: {preset: wifi}}",
    "devices.compute={constant: {step: 1 s}}",
    "servers={aggregation: 1 s}",
    "energy={compute: {active_power: 2 W}}",
    "evaluate={every: 2}",
    "stop.deadline=1000 s",
    "stop.target_accuracy=0.99",
    "sweep={seed: [1, 2]}",
    f"{LAYER}.echo=true",
    "task.data_dir=elsewhere",
]


@cache
def digests(*changes: str) -> tuple[bytes, ...]:
    """Digests of the cloud's models after each global round; no values are computed."""
    return tuple(execute(load_text(BASE, "base.yaml", changes), device="cpu", values=False).digests)


@pytest.mark.parametrize("change", DIFFERENT_VALUES)
def test_a_setting_that_changes_values_changes_every_digest(change: str) -> None:
    """The cloud's downlink encodes from round 2 on: in round 1 it broadcasts the initial model."""
    first = int(change.startswith((f"{TOP}.down", f"{TOP}.onto")))
    assert len(digests()) == len(digests(change)) == 3
    assert digests()[:first] == digests(change)[:first]
    assert not set(digests()[first:]) & set(digests(change)[first:])


def test_two_different_changes_never_give_equal_digests() -> None:
    assert len({digests(change) for change in DIFFERENT_VALUES}) == len(DIFFERENT_VALUES)


@pytest.mark.parametrize("change", EQUAL_VALUES)
def test_a_setting_that_only_affects_time_changes_no_digest(change: str) -> None:
    assert digests(change) == digests()


def test_a_longer_run_starts_with_the_models_of_a_shorter_one() -> None:
    assert digests("stop.rounds=5")[:3] == digests()
    assert len(set(digests("stop.rounds=5"))) == 5


def test_lost_uploads_change_the_digests_from_the_round_of_the_loss_on() -> None:
    lossy = digests("network[0]={wired: {rate: 10 Mbit/s, loss: {erasure: {probability: 0.5}}}}")
    assert not set(lossy) & set(digests())
