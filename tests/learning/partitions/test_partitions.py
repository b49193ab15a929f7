"""Partitions: every sample is used once, and the shares have the stated distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from learning.partitions.partitions import PARTITIONS, ByGroup, Dirichlet, Iid, Partition, Shards

PARTS: list[Partition] = [
    Iid(), Dirichlet(0.5), Shards(), Shards(3), ByGroup(), ByGroup(edge_alpha=0.5), ByGroup(device_alpha=0.5),
    ByGroup(edge_alpha=1.0, device_alpha=1.0, min_size=2),
]  # fmt: skip
MANY = np.repeat(np.arange(400), 300)


def shares(parts: Sequence[NDArray[np.int64]], labels: NDArray[Any]) -> NDArray[np.float64]:
    """[devices, classes]: the part of each class that each device owns."""
    classes = int(labels.max()) + 1
    return np.array([np.bincount(labels[part], minlength=classes) for part in parts]) / np.bincount(labels)


@pytest.mark.parametrize("part", PARTS, ids=repr)
@given(seed=st.integers(0, 2**40), groups=st.lists(st.integers(0, 3), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_every_sample_is_used_exactly_once(part: Partition, seed: int, groups: list[int]) -> None:
    labels = np.random.default_rng(0).integers(0, 7, 2000)
    parts = part.split(labels, groups, seed)
    assert len(parts) == len(groups)
    assert sorted(np.concatenate(parts)) == list(range(2000))
    assert min(map(len, parts)) >= 1


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_the_split_depends_on_the_seed(part: Partition) -> None:
    labels, groups = np.arange(1000) % 10, [0, 0, 1, 1]
    first, again, other = (part.split(labels, groups, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@given(samples=st.integers(1, 300), devices=st.integers(1, 50))
@settings(deadline=None)
def test_iid_sizes_differ_by_at_most_one(samples: int, devices: int) -> None:
    if samples >= devices:
        sizes = [len(part) for part in Iid().split(np.zeros(samples), [0] * devices, 3)]
        assert max(sizes) - min(sizes) <= 1


def test_iid_class_counts_are_hypergeometric() -> None:
    """Hypergeometric: variance n p (1-p) (N-n)/(N-1) of a class count on a device."""
    counts = shares(Iid().split(MANY, [0] * 10, 5), MANY) * 300
    total, n, p = len(MANY), len(MANY) // 10, 1 / 400
    assert counts.var() == pytest.approx(n * p * (1 - p) * (total - n) / (total - 1), rel=0.07)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 5.0])
def test_dirichlet_shares_have_the_moments_of_the_distribution(alpha: float) -> None:
    """Mean 1/M and variance (1/M)(1 - 1/M)/(M alpha + 1)."""
    share = shares(Dirichlet(alpha).split(MANY, [0] * 10, 11), MANY)
    assert share.mean(axis=1) == pytest.approx(np.full(10, 0.1), abs=0.05)
    assert share.var() == pytest.approx(0.1 * 0.9 / (10 * alpha + 1), rel=0.1)


def test_dirichlet_shares_of_one_device_are_beta_distributed() -> None:
    from scipy.stats import beta, kstest

    share = shares(Dirichlet(1.0).split(MANY, [0] * 4, 2), MANY)[2]
    assert (
        kstest(share + np.random.default_rng(0).uniform(-0.5, 0.5, 400) / 300, beta(1, 3).cdf).pvalue > 0.01
    )


def test_dirichlet_redraws_until_every_device_has_its_minimum() -> None:
    labels = np.arange(400) % 10
    plain = Dirichlet(0.2).split(labels, [0] * 20, 0)
    floored = Dirichlet(0.2, min_size=5).split(labels, [0] * 20, 0)
    assert min(map(len, plain)) < 5 <= min(map(len, floored))


def test_the_error_of_an_impossible_dirichlet_states_the_remedy() -> None:
    with pytest.raises(
        ValueError, match=r"no draw of 2000 .*raise alpha, lower min_size or use fewer devices"
    ):
        Dirichlet(0.001).split(np.arange(200) % 2, [0] * 50, 0)


def test_shards_give_most_devices_two_classes() -> None:
    labels = np.arange(6000) % 10
    parts = Shards().split(labels, [0] * 100, 4)
    classes = [len(np.unique(labels[part])) for part in parts]
    assert {len(part) for part in parts} == {60}
    assert max(classes) == 2
    assert np.mean(np.array(classes) == 2) == pytest.approx(1 - 19 / 199, abs=0.08)


def test_a_shard_at_a_class_boundary_has_at_most_two_classes() -> None:
    labels = np.arange(6000) % 7
    parts = Shards(1).split(labels, [0] * 40, 4)
    assert max(len(np.unique(labels[part])) for part in parts) == 2


@pytest.mark.parametrize("edge_alpha", [0.2, 2.0])
def test_edge_shares_have_dirichlet_moments_proportional_to_their_devices(edge_alpha: float) -> None:
    groups = [0] * 2 + [1] * 6 + [2] * 4
    share = shares(ByGroup(edge_alpha=edge_alpha).split(MANY, groups, 6), MANY)
    edges = np.array([share[:2].sum(0), share[2:8].sum(0), share[8:].sum(0)])
    means = np.array([2, 6, 4]) / 12
    assert edges.mean(1) == pytest.approx(means, abs=0.07)
    assert edges.var(1) == pytest.approx(means * (1 - means) / (3 * edge_alpha + 1), rel=0.25)


def test_iid_devices_of_a_skewed_edge_have_the_distribution_of_the_edge() -> None:
    share = shares(ByGroup(edge_alpha=0.2).split(MANY, [0, 0, 1, 1], 8), MANY)
    assert np.abs(share[0] - share[1]).mean() < 0.05
    assert np.abs(share[0] + share[1] - share[2] - share[3]).mean() > 0.5


def test_skewed_devices_do_not_affect_iid_edges() -> None:
    share = shares(ByGroup(device_alpha=0.2).split(MANY, [0, 1, 0, 1], 8), MANY)
    assert np.abs(share[0] + share[2] - share[1] - share[3]).mean() < 0.06
    assert np.abs(share[0] - share[2]).mean() > 0.25


def test_iid_by_group_sizes_are_proportional_to_the_devices() -> None:
    parts = ByGroup().split(np.arange(1000) % 10, [7, 7, 7, 2], 1)
    assert [len(part) for part in parts] == [250] * 4


@pytest.mark.parametrize("part", [Iid(), Dirichlet(1.0), Shards(), ByGroup()], ids=repr)
def test_more_devices_than_samples_are_rejected(part: Partition) -> None:
    with pytest.raises(ValueError, match="the dataset has 5; use fewer devices or a larger dataset"):
        part.split(np.arange(5), [0] * 6, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dirichlet(0.0), "alpha must be a finite number > 0, got 0.0"),
        (lambda: Dirichlet(1.0, min_size=0), "min_size must be >= 1, got 0"),
        (lambda: Shards(0), "shards_per_device must be >= 1, got 0"),
        (lambda: ByGroup(edge_alpha=-1.0), "edge_alpha must be a finite number > 0, got -1.0"),
        (lambda: ByGroup(device_alpha=float("nan")), "device_alpha must be a finite"),
    ],
)
def test_wrong_arguments_are_rejected(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_registry_contains_every_partition() -> None:
    assert sorted(PARTITIONS) == ["by_group", "by_layer", "dirichlet", "iid", "shards"]
