"""Skew by layer: present exactly on the layers with an alpha, in any tree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learning.datasets.digits import Digits
from learning.models.architectures import Logistic
from learning.partitions.partitions import ByGroup, ByLayer
from learning.tasks.task import make_task

MANY = np.repeat(np.arange(300), 400)
TREE = [(edge, edge // 3) for edge in range(6) for _ in range(4)]  # 2 regions of 3 edge servers of 4 devices


def class_shares(alpha: tuple[float | None, ...], seed: int = 3) -> NDArray[np.float64]:
    """[regions, edges, devices, classes]: the part of each class that each device owns."""
    parts = ByLayer(alpha).split_tree(MANY, TREE, seed)
    counts = np.array([np.bincount(MANY[part], minlength=300) for part in parts])
    return counts.reshape(2, 3, 4, 300) / 400


def unlikeness(shares: NDArray[np.float64], axis: int) -> float:
    """Mean relative variance of class shares between the children of one node."""
    mean = shares.mean(axis=axis, keepdims=True)
    some = mean.squeeze(axis) > 0.02
    return float(((shares - mean) ** 2).mean(axis=axis)[some].mean() / (mean.squeeze(axis)[some] ** 2).mean())


@pytest.mark.parametrize("skewed", list(product([False, True], repeat=3)))
def test_the_skew_of_each_layer_follows_its_own_alpha(skewed: tuple[bool, bool, bool]) -> None:
    shares = class_shares(tuple(0.3 if on else None for on in skewed))
    found = (
        unlikeness(shares, axis=2),
        unlikeness(shares.sum(2), axis=1),
        unlikeness(shares.sum((1, 2))[None], axis=1),
    )
    assert tuple(value > 0.1 for value in found) == skewed, found


@pytest.mark.parametrize("alpha", [0.2, 2.0])
def test_shares_of_the_regions_have_the_moments_of_a_dirichlet(alpha: float) -> None:
    """Mean 1/2, variance (1/2)(1/2)/(2 alpha + 1)."""
    regions = class_shares((None, None, alpha)).sum((1, 2))
    assert regions.mean(1) == pytest.approx([0.5, 0.5], abs=0.08)
    assert regions.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.2)


@given(seed=st.integers(0, 2**40), groups=st.lists(st.integers(0, 4), min_size=1, max_size=9))
@settings(max_examples=30, deadline=None)
def test_two_layers_equal_by_group(seed: int, groups: list[int]) -> None:
    labels = np.random.default_rng(1).integers(0, 5, 3000)
    for alphas in ((None, None), (0.7, None), (None, 0.7), (0.7, 1.5)):
        one = ByLayer(alphas).split(labels, groups, seed)
        two = ByGroup(device_alpha=alphas[0], edge_alpha=alphas[1]).split(labels, groups, seed)
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_every_sample_is_used_once_in_an_uneven_tree() -> None:
    paths = [(0, 0), (0, 0), (1, 0), (2, 1), (2, 1), (2, 1), (3, 2)]
    parts = ByLayer((0.5, 0.5, 0.5), min_size=3).split_tree(np.arange(5000) % 10, paths, 1)
    assert sorted(np.concatenate(parts)) == list(range(5000))
    assert min(map(len, parts)) >= 3


def test_iid_shares_are_proportional_to_the_devices_below() -> None:
    paths = [(0, 0)] * 6 + [(1, 1)] * 2
    assert [len(p) for p in ByLayer((None, None, None)).split_tree(MANY[:800], paths, 1)] == [100] * 8


def test_a_star_has_one_layer() -> None:
    parts = ByLayer((0.5,)).split_tree(np.arange(900) % 3, [()] * 4, 1)
    assert sum(map(len, parts)) == 900


@pytest.mark.parametrize("alpha", [(0.3,), (0.3, 0.3), (0.3,) * 4])
def test_alpha_needs_one_entry_per_layer(alpha: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=rf"one entry per layer, .*got {len(alpha)} for 3 layers"):
        ByLayer(alpha).split_tree(MANY, TREE, 0)


def test_the_error_of_a_wrong_alpha_names_its_layer() -> None:
    with pytest.raises(ValueError, match=r"alpha of layer 2 must be a finite number > 0, got 0"):
        ByLayer((0.3, 0.0))


def test_a_task_passes_its_tree_to_the_partition() -> None:
    groups = [edge for edge, _ in TREE]
    task = make_task(Digits(), ByLayer((None, None, 0.1)), Logistic(), groups, 3, paths=TREE)
    labels = make_task(Digits(), None, Logistic(), [0], 3).indices(0)
    assert sum(task.samples) == len(labels)
    with pytest.raises(ValueError, match="got 3 for 2 layers"):
        make_task(Digits(), ByLayer((None, None, 0.1)), Logistic(), groups, 3)
