"""Aggregation weights: by the devices or the samples below a child, at any depth."""

from __future__ import annotations

import numpy as np
import pytest

from learning.aggregation.rules import Mean, Vote
from netsim.build import build_task, child_shares
from netsim.scenario import grow as grow_topology
from netsim.topology.tree import NodeSpec, grow

from .runs import final, scenario

SAMPLES = [10, 20, 30, 40]
UNEVEN = grow(
    NodeSpec(children=[NodeSpec(children=[NodeSpec()]), NodeSpec(children=[NodeSpec()] * 3)]), "test"
)


@pytest.mark.parametrize(
    ("rule", "cloud", "edge"),
    [
        (Mean("devices"), (1 / 4, 3 / 4), (1 / 3, 1 / 3, 1 / 3)),
        (Mean("samples"), (1 / 10, 9 / 10), (2 / 9, 3 / 9, 4 / 9)),
        (Vote(0.01), (1 / 4, 3 / 4), (1 / 3, 1 / 3, 1 / 3)),
        (Vote(0.01, weights="samples"), (1 / 10, 9 / 10), (2 / 9, 3 / 9, 4 / 9)),
    ],
)
def test_the_share_of_a_child_is_that_of_the_devices_or_samples_below_it(
    rule: Mean | Vote, cloud: tuple[float, ...], edge: tuple[float, ...]
) -> None:
    root = UNEVEN.root
    assert child_shares(root, rule, SAMPLES) == pytest.approx(cloud, rel=1e-12)
    assert child_shares(root.children[1], rule, SAMPLES) == pytest.approx(edge, rel=1e-12)


def test_weights_by_samples_equal_the_flat_weighted_mean_in_every_tree() -> None:
    """One step per upload: weights multiply along the tree to each device's share of all samples."""
    text = "{}: {{learning_rate: 0.2, batch_size: 8, {}, weights: samples}}"
    nested = scenario([2, 3], text.format("hier_favg", "tau: [1, 1]"), precision="float64")
    flat = scenario([6], text.format("fedavg", "local_steps: 1"), precision="float64")
    samples = build_task(flat, grow_topology(flat)).samples
    assert list(samples) == list(build_task(nested, grow_topology(nested)).samples)
    assert sum(samples[:3]) != sum(samples[3:]), "edges of equal weight: the test is vacuous"
    assert np.allclose(final(nested), final(flat), rtol=0, atol=1e-14)
