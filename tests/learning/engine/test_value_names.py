"""A model is named by everything its values depend on, and by nothing else."""

from __future__ import annotations

from functools import cache

import pytest

from netsim.scenario import load_text
from netsim.simulation.run import play

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
ANOTHER_MODEL = [
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
THE_SAME_MODEL = [
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
def names(*changes: str) -> tuple[bytes, ...]:
    """What the cloud's models of each global round are called; nothing is computed."""
    return tuple(play(load_text(BASE, "base.yaml", changes), device="cpu", values=False).digests)


@pytest.mark.parametrize("change", ANOTHER_MODEL)
def test_what_changes_values_changes_the_name_of_every_model(change: str) -> None:
    """The cloud's own downlink first encodes in round 2: what it forwards in round 1 is the initial model."""
    since = int(change.startswith((f"{TOP}.down", f"{TOP}.onto")))
    assert len(names()) == len(names(change)) == 3
    assert names()[:since] == names(change)[:since]
    assert not set(names()[since:]) & set(names(change)[since:])


def test_two_changes_are_never_called_alike() -> None:
    assert len({names(change) for change in ANOTHER_MODEL}) == len(ANOTHER_MODEL)


@pytest.mark.parametrize("change", THE_SAME_MODEL)
def test_what_only_takes_time_changes_no_name(change: str) -> None:
    assert names(change) == names()


def test_a_longer_run_begins_with_the_models_of_a_shorter_one() -> None:
    assert names("stop.rounds=5")[:3] == names()
    assert len(set(names("stop.rounds=5"))) == 5


def test_lost_uploads_change_the_names_from_the_round_they_are_lost_in() -> None:
    lossy = names("network[0]={wired: {rate: 10 Mbit/s, loss: {erasure: {probability: 0.5}}}}")
    assert not set(lossy) & set(names())
