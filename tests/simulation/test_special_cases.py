"""Special cases give bitwise equal results."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.simulation.run import execute

from .runs import final, scenario, weights

FLAT = "fedavg: {learning_rate: 0.2, batch_size: 8, local_steps: 3, weights: devices}"


def test_hier_favg_with_one_edge_and_one_aggregation_is_fedavg() -> None:
    nested = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 1], weights: devices}"
    assert np.array_equal(final(scenario([1, 6], nested)), final(scenario([6], FLAT)))


def test_a_layer_with_one_child_does_not_change_the_model() -> None:
    below = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}"
    above = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2, 1]}"
    assert np.array_equal(final(scenario([1, 2, 3], above)), final(scenario([2, 3], below)))


def test_iterations_of_a_layer_with_one_child_equal_more_rounds() -> None:
    twice = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2, 2]}"
    once = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}"
    assert np.array_equal(
        final(scenario([1, 2, 3], twice, rounds=2)), final(scenario([2, 3], once, rounds=4))
    )


def test_qmlhfl_without_quantizers_is_hier_favg() -> None:
    bare = "qmlhfl: {learning_rate: 0.2, batch_size: 8, tau: [3, 2], levels: [null, null], weights: samples}"
    favg = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}"
    assert np.array_equal(final(scenario([2, 3], bare)), final(scenario([2, 3], favg)))


def test_hier_local_qsgd_is_qmlhfl_on_two_layers() -> None:
    rest = "learning_rate: 0.2, batch_size: 8, tau: [3, 2], levels: [4, 8], weights: samples"
    assert np.array_equal(
        final(scenario([2, 3], f"hier_local_qsgd: {{{rest}}}")),
        final(scenario([2, 3], f"qmlhfl: {{{rest}}}")),
    )


@pytest.mark.parametrize(
    ("fanout", "tau", "name"), [([5], "", "sign_sgd"), ([2, 3], "tau: [1, 3], ", "hier_sign_sgd")]
)
@pytest.mark.parametrize("ties", ["random", "zero"])
def test_sparse_signs_with_fraction_one_equal_signs(
    fanout: list[int], tau: str, name: str, ties: str
) -> None:
    rest = f"{{learning_rate: 0.01, batch_size: 8, {tau}ties: {ties}"
    sparse, dense = (
        execute(scenario(fanout, f"{algorithm}: {rest}{more}}}"), device="cpu")
        for algorithm, more in (("sparse_sign_sgd", ", fraction: 1.0"), (name, ""))
    )
    assert np.array_equal(weights(sparse), weights(dense))
    assert sparse.trace.totals == dense.trace.totals


def test_averaging_once_after_all_steps_differs_from_averaging_often() -> None:
    often = final(scenario([2, 3], "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}"))
    once = final(scenario([2, 3], "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [6, 1]}"))
    assert not np.allclose(often, once, rtol=1e-6)


@pytest.mark.parametrize("fanout", [[4], [2, 2], [2, 1, 2], [1, 2, 1, 2]])
def test_the_depth_of_the_tree_does_not_change_minibatches(fanout: list[int]) -> None:
    """With one step per upload and full averaging, every tree over four devices is plain distributed SGD."""
    ones = "[" + ", ".join("1" for _ in fanout) + "]"
    algorithm = f"hier_favg: {{learning_rate: 0.2, batch_size: 8, tau: {ones}, weights: devices}}"
    deep = final(scenario(fanout, algorithm, precision="float64", task=IID))
    flat = final(
        scenario(
            [4],
            "fedavg: {learning_rate: 0.2, batch_size: 8, local_steps: 1, weights: devices}",
            precision="float64",
            task=IID,
        )
    )
    assert np.allclose(deep, flat, rtol=0, atol=1e-14)


IID = "{dataset: digits, partition: iid, model: {mlp: {hidden: [5]}}}"
