"""The claims of scenarios/papers, small: each inequality's margin was looked at over five seeds."""

from __future__ import annotations

import math
import os
from functools import cache
from glob import glob
from pathlib import Path

import pandas as pd
import pytest

from netsim.scenario import load
from netsim.simulation.run import simulate
from tests.conftest import REPOSITORY
from tests.papers.layers import largest_rate

DIGITS = ("task.dataset=digits", "task.partition=iid", "stop.rounds=15", "evaluate.every=15")
TOP = "{top_k: {fraction: 0.1}}"


@cache
def rounds(name: str, *overrides: str) -> pd.DataFrame:
    """The evaluated rounds of a claim's scenario."""
    scenario = load(str(REPOSITORY / "scenarios" / "papers" / f"{name}.yaml"), ["sweep={}", *overrides])
    return simulate(scenario, device="cpu").rounds.dropna(subset=["loss"])


def last(name: str, *overrides: str, metric: str = "accuracy") -> float:
    return float(rounds(name, *overrides)[metric].iloc[-1])


def late(name: str, *overrides: str) -> float:
    """The mean loss over the last half of the rounds."""
    loss = rounds(name, *overrides)["loss"]
    return float(loss.iloc[len(loss) // 2 :].mean())


def signs(more: str = "") -> str:
    return f"algorithm={{hier_sign_sgd: {{learning_rate: 0.01, batch_size: 32, tau: [1, 10]{more}}}}}"


def test_signs_come_close_to_full_precision_with_a_thirty_second_of_the_bits() -> None:
    full = "algorithm={hier_favg: {learning_rate: 0.3, batch_size: 32, tau: [1, 10], weights: devices}}"
    one, other = (rounds("signs_mnist", *DIGITS, algorithm).iloc[-1] for algorithm in (signs(), full))
    assert other["bits_up_1"] == 32 * one["bits_up_1"]
    assert one["accuracy"] > other["accuracy"] - 0.03


def broadcast(down: str) -> float:
    return last("signs_downlink", *DIGITS, signs(f", down: {down}, error_feedback: false"))


def test_one_coordinate_in_a_hundred_is_enough_for_the_broadcast_with_error_feedback() -> None:
    sparse = "{top_k: {fraction: 0.01}}"
    remembered = broadcast(f"{{error_feedback: {{inner: {sparse}}}}}")
    assert remembered > broadcast("none") - 0.06
    assert remembered > broadcast(sparse)


def floor(kind: str, inside: int, more: str = "") -> float:
    algorithm = f"algorithm={{{kind}: {{learning_rate: 0.003, batch_size: 1, tau: [1, 5]{more}}}}}"
    small = (
        "task.dataset.synthetic.dim=20",
        "topology={fanout: [4, 3]}",
        "stop.rounds=60",
        "evaluate.every=60",
    )
    unlike = f"task.dataset.synthetic.heterogeneity={inside}"
    return last("floor_quadratic", algorithm, unlike, *small, metric="loss")


def test_anchors_of_edge_servers_remove_the_floor_between_them() -> None:
    assert floor("dc_hier_sign_sgd", 0, ", anchor_batch: 64") < 0.01 * floor("hier_sign_sgd", 0)


def test_unlike_devices_of_an_edge_server_need_anchors_of_their_own() -> None:
    edges, devices = (floor("dc_hier_sign_sgd", 3, f", anchor_batch: 64, level: {n}") for n in (2, 1))
    assert devices < 0.01 * edges


def test_deeper_trees_learn_more_in_the_same_rounds() -> None:
    ends = []
    for depth, tau in ((2, "[2, 8]"), (4, "[2, 2, 2, 2]")):
        wires = ", {wired: {rate: 1 Gbit/s, latency: from_distance}}" * (depth - 1)
        ends.append(
            last(
                "layers_mnist",
                "task.dataset=digits",
                "task.partition={by_group: {edge_alpha: 0.1, min_size: 2}}",
                f"topology={{file: layers_{depth}}}",
                f"network=[{{cell: {{preset: urban_micro}}}}{wires}]",
                f"algorithm.qmlhfl.tau={tau}",
                f"algorithm.qmlhfl.levels={[15] * depth}",
                "stop.rounds=6",
            )
        )
    assert ends[1] > ends[0] + 0.03


def test_the_same_quantizer_harms_more_on_a_higher_layer() -> None:
    coarse = [f"algorithm.layers[{n}].up={{rand_k: {{fraction: 0.125}}}}" for n in (0, 2)]
    short = ("task.dataset.synthetic.edge_heterogeneity=2", "stop.rounds=30")
    low, high = (late("quantizers_quadratic", up, *short) for up in coarse)
    assert high > 3 * low


def grows(tau: tuple[int, int], fraction: float, ratio: float) -> float:
    """log10 of the loss's growth over 20 rounds at `ratio` times mu_max."""
    up = "none" if fraction == 1 else f"{{rand_k: {{fraction: {fraction}}}}}"
    rate = ratio * largest_rate(tau, 1 / fraction - 1)
    algorithm = ", ".join(f"{{tau: {t}, up: {up}, rule: mean}}" for t in tau)
    ran = rounds(
        "threshold_quadratic",
        f"algorithm={{leaf: {{learning_rate: {rate}, batch_size: 1}}, layers: [{algorithm}]}}",
    )
    return math.log10(ran["loss"].iloc[-1] / ran["loss"].iloc[0])


def test_where_quantization_dominates_the_condition_is_the_threshold() -> None:
    assert grows((1, 1), 0.0625, 0.8) < 0 < grows((1, 1), 0.0625, 1.5)


def test_without_quantization_nothing_diverges_far_beyond_the_condition() -> None:
    assert grows((4, 1), 1, 3) < -5


@pytest.mark.parametrize("layer", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_bias_without_memory_has_a_floor_that_ef21_has_not(layer: int) -> None:
    ups = [f"algorithm.layers[{layer}].up={up}" for up in (TOP, f"{{ef21: {{inner: {TOP}}}}}")]
    plain, remembered = (late("bias_quadratic", up, "stop.rounds=60") for up in ups)
    assert plain > 20 * remembered


def test_error_feedback_heals_the_lowest_layer_best() -> None:
    ups = [f"algorithm.layers[{n}].up={{error_feedback: {{inner: {TOP}}}}}" for n in (0, 2)]
    low, high = (late("bias_quadratic", up, "stop.rounds=60") for up in ups)
    assert high > 4 * low


def test_admm_is_as_good_as_qmlhfl_at_equal_uplink_bits() -> None:
    small = (
        "task.dataset=digits",
        "task.partition={dirichlet: {alpha: 0.1}}",
        "stop.rounds=20",
        "evaluate.every=20",
    )
    rung = "learning_rate: 0.1, batch_size: 32, tau: [5, 2]"
    coarse = "{error_feedback: {inner: {qsgd: {levels: 15, bucket: 64}}}}"
    algorithms = (
        f"{{admm: {{{rung}, rho: [0.1, 0.1], up: {coarse}}}}}",
        f"{{qmlhfl: {{{rung}, levels: [15, 15], bucket: 64}}}}",
    )
    one, other = (rounds("admm_mnist", *small, f"algorithm={algorithm}").iloc[-1] for algorithm in algorithms)
    assert one["bits_up_1"] == other["bits_up_1"]
    assert one["accuracy"] > other["accuracy"] - 0.03


@pytest.mark.slow
def test_biased_uploads_of_edge_servers_cost_accuracy_on_mnist(mnist_dir: Path) -> None:
    small = ("stop.rounds=15", "evaluate.every=15")
    plain = last("bias_mnist", "algorithm.layers[1].up={top_k: {fraction: 0.01}}", *small)
    assert last("bias_mnist", *small) > plain + 0.05


@pytest.fixture
def little_cifar() -> tuple[str, ...]:
    """Eight rounds on 2,000 real images of CIFAR-10, or a skip with the reason."""
    if not glob(os.path.join(os.environ.get("NETSIM_DATA", ""), "cifar*10*")):
        pytest.skip("real CIFAR-10 is absent: set NETSIM_DATA to a folder with an archive of it")
    few = "task.dataset={cifar10: {train_limit: 2000, test_limit: 1000}}"
    return few, "task.partition=iid", "stop.rounds=8", "evaluate.every=8"


@pytest.mark.slow
def test_signs_come_close_to_full_precision_on_cifar10(little_cifar: tuple[str, ...]) -> None:
    algorithms = (
        "{hier_sign_sgd: {learning_rate: 0.003, batch_size: 16, tau: [1, 10]}}",
        "{hier_favg: {learning_rate: 0.1, batch_size: 16, tau: [1, 10], weights: devices}}",
    )
    one, full = (last("signs_cifar10", *little_cifar, f"algorithm={algorithm}") for algorithm in algorithms)
    assert one > full - 0.01


@pytest.mark.slow
def test_half_the_levels_on_layer_1_cost_little_on_cifar10(little_cifar: tuple[str, ...]) -> None:
    fine, coarse = (
        last("quantizers_cifar10", *little_cifar, f"algorithm.qmlhfl.levels={s}") for s in ([8, 8], [4, 8])
    )
    assert 0.2 < fine < coarse + 0.04
