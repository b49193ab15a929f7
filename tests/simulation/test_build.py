"""Checks that need the assembled task: groups of devices, and compressors that do not match the model size."""

from __future__ import annotations

import numpy as np
import pytest

from learning.partitions.by_layer import ByGroup
from netsim.build import BuildError, build_task
from netsim.scenario import grow
from netsim.simulation.run import execute
from tests.simulation.runs import scenario

FAVG = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [2, 1]}"
SKEWED = "{dataset: digits, partition: {by_group: {edge_alpha: 0.1, device_alpha: 5.0}}, model: logistic}"


def test_partition_groups_are_the_edge_servers() -> None:
    scene = scenario([2, 3], FAVG, task=SKEWED)
    task = build_task(scene, grow(scene))
    labels = scene.task.dataset.load(None).train_y  # type: ignore[union-attr]
    expected = ByGroup(0.1, 5.0).split(labels, [0, 0, 0, 1, 1, 1], scene.seed)
    assert all(np.array_equal(task.indices(k), part) for k, part in enumerate(expected))
    one_group = ByGroup(0.1, 5.0).split(labels, [0] * 6, scene.seed)
    assert not all(np.array_equal(task.indices(k), part) for k, part in enumerate(one_group))


ALGORITHM = """leaf: {{learning_rate: 0.1, batch_size: 4}}
  layers:
    - {{tau: 2, up: {}, rule: mean}}
    - {{tau: 1, up: none, rule: mean, down: {}, onto: {}}}"""


@pytest.mark.parametrize(
    ("up", "down", "onto", "message"),
    [
        ("none", "{qsgd: {levels: 1, bucket: null}}", "own", r"algorithm: layer 2: error feedback on the downlink"),
        ("{top_k: {k: 10000}}", "none", "said", r"algorithm: layer 1: up: k must be <= the model's 385 parameters"),
        ("none", "{top_k: {k: 10000}}", "own", r"algorithm: layer 2: down: k must be <= the model's 385 parameters"),
    ],
)  # fmt: skip
def test_a_compressor_that_does_not_match_the_model_size_is_refused_before_the_run(
    up: str, down: str, onto: str, message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        execute(scenario([2, 3], ALGORITHM.format(up, down, onto)), engine="timing")
