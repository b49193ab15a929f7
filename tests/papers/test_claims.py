"""The claims of scenarios/papers in small: margins were determined over five seeds."""

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


def mean_late_loss(name: str, *overrides: str) -> float:
    """The mean loss over the last half of the rounds."""
    loss = rounds(name, *overrides)["loss"]
    return float(loss.iloc[len(loss) // 2 :].mean())


def signs(more: str = "") -> str:
    return f"algorithm={{hier_sign_sgd: {{learning_rate: 0.01, batch_size: 32, tau: [1, 10]{more}}}}}"


def test_signs_reach_nearly_full_precision_accuracy_with_one_32nd_of_the_bits() -> None:
    full = "algorithm={hier_favg: {learning_rate: 0.3, batch_size: 32, tau: [1, 10], weights: devices}}"
    first, second = (rounds("signs_mnist", *DIGITS, algorithm).iloc[-1] for algorithm in (signs(), full))
    assert second["bits_up_1"] == 32 * first["bits_up_1"]
    assert first["accuracy"] > second["accuracy"] - 0.03


def broadcast(down: str) -> float:
    return last("signs_downlink", *DIGITS, signs(f", down: {down}, error_feedback: false"))


def test_a_one_percent_broadcast_suffices_with_error_feedback() -> None:
    sparse = "{top_k: {fraction: 0.01}}"
    with_feedback = broadcast(f"{{error_feedback: {{inner: {sparse}}}}}")
    assert with_feedback > broadcast("none") - 0.06
    assert with_feedback > broadcast(sparse)


def floor(kind: str, inside: int, more: str = "") -> float:
    algorithm = f"algorithm={{{kind}: {{learning_rate: 0.003, batch_size: 1, tau: [1, 5]{more}}}}}"
    small = (
        "task.dataset.synthetic.dim=20",
        "topology={fanout: [4, 3]}",
        "stop.rounds=60",
        "evaluate.every=60",
    )
    heterogeneity = f"task.dataset.synthetic.heterogeneity={inside}"
    return last("floor_quadratic", algorithm, heterogeneity, *small, metric="loss")


def test_edge_anchors_remove_the_floor_of_edge_heterogeneity() -> None:
    assert floor("dc_hier_sign_sgd", 0, ", anchor_batch: 64") < 0.01 * floor("hier_sign_sgd", 0)


def test_device_heterogeneity_requires_device_anchors() -> None:
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


def test_a_quantizer_increases_the_loss_more_on_a_higher_layer() -> None:
    coarse = [f"algorithm.layers[{n}].up={{rand_k: {{fraction: 0.125}}}}" for n in (0, 2)]
    short = ("task.dataset.synthetic.edge_heterogeneity=2", "stop.rounds=30")
    low, high = (mean_late_loss("quantizers_quadratic", up, *short) for up in coarse)
    assert high > 3 * low


def log_growth(tau: tuple[int, int], fraction: float, ratio: float) -> float:
    """log10 of the loss's growth over 20 rounds at `ratio` times mu_max."""
    up = "none" if fraction == 1 else f"{{rand_k: {{fraction: {fraction}}}}}"
    rate = ratio * largest_rate(tau, 1 / fraction - 1)
    algorithm = ", ".join(f"{{tau: {t}, up: {up}, rule: mean}}" for t in tau)
    table = rounds(
        "threshold_quadratic",
        f"algorithm={{leaf: {{learning_rate: {rate}, batch_size: 1}}, layers: [{algorithm}]}}",
    )
    return math.log10(table["loss"].iloc[-1] / table["loss"].iloc[0])


def test_the_condition_is_the_divergence_threshold_if_quantization_dominates() -> None:
    assert log_growth((1, 1), 0.0625, 0.8) < 0 < log_growth((1, 1), 0.0625, 1.5)


def test_without_quantization_runs_converge_beyond_the_condition() -> None:
    assert log_growth((4, 1), 1, 3) < -5


@pytest.mark.parametrize("layer", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_ef21_removes_the_floor_of_biased_compression(layer: int) -> None:
    ups = [f"algorithm.layers[{layer}].up={up}" for up in (TOP, f"{{ef21: {{inner: {TOP}}}}}")]
    plain, with_feedback = (mean_late_loss("bias_quadratic", up, "stop.rounds=60") for up in ups)
    assert plain > 20 * with_feedback


def test_error_feedback_helps_most_on_the_lowest_layer() -> None:
    ups = [f"algorithm.layers[{n}].up={{error_feedback: {{inner: {TOP}}}}}" for n in (0, 2)]
    low, high = (mean_late_loss("bias_quadratic", up, "stop.rounds=60") for up in ups)
    assert high > 4 * low


def test_admm_is_close_to_qmlhfl_at_equal_uplink_bits() -> None:
    small = (
        "task.dataset=digits",
        "task.partition={dirichlet: {alpha: 0.1}}",
        "stop.rounds=20",
        "evaluate.every=20",
    )
    common = "learning_rate: 0.1, batch_size: 32, tau: [5, 2]"
    coarse = "{error_feedback: {inner: {qsgd: {levels: 15, bucket: 64}}}}"
    algorithms = (
        f"{{admm: {{{common}, rho: [0.1, 0.1], up: {coarse}}}}}",
        f"{{qmlhfl: {{{common}, levels: [15, 15], bucket: 64}}}}",
    )
    first, second = (
        rounds("admm_mnist", *small, f"algorithm={algorithm}").iloc[-1] for algorithm in algorithms
    )
    assert first["bits_up_1"] == second["bits_up_1"]
    assert first["accuracy"] > second["accuracy"] - 0.03


@pytest.mark.slow
def test_biased_uploads_of_edge_servers_reduce_accuracy_on_mnist(mnist_dir: Path) -> None:
    small = ("stop.rounds=15", "evaluate.every=15")
    plain = last("bias_mnist", "algorithm.layers[1].up={top_k: {fraction: 0.01}}", *small)
    assert last("bias_mnist", *small) > plain + 0.05


@pytest.fixture
def small_cifar10() -> tuple[str, ...]:
    """Eight rounds on 2,000 real images of CIFAR-10, or a skip with the reason."""
    if not glob(os.path.join(os.environ.get("NETSIM_DATA", ""), "cifar*10*")):
        pytest.skip("real CIFAR-10 is absent: set NETSIM_DATA to a folder with an archive of it")
    few = "task.dataset={cifar10: {train_limit: 2000, test_limit: 1000}}"
    return few, "task.partition=iid", "stop.rounds=8", "evaluate.every=8"


@pytest.mark.slow
def test_signs_are_close_to_full_precision_on_cifar10(small_cifar10: tuple[str, ...]) -> None:
    algorithms = (
        "{hier_sign_sgd: {learning_rate: 0.003, batch_size: 16, tau: [1, 10]}}",
        "{hier_favg: {learning_rate: 0.1, batch_size: 16, tau: [1, 10], weights: devices}}",
    )
    first, full = (
        last("signs_cifar10", *small_cifar10, f"algorithm={algorithm}") for algorithm in algorithms
    )
    assert first > full - 0.01


@pytest.mark.slow
def test_half_the_levels_on_layer_1_reduce_accuracy_little_on_cifar10(small_cifar10: tuple[str, ...]) -> None:
    fine, coarse = (
        last("quantizers_cifar10", *small_cifar10, f"algorithm.qmlhfl.levels={s}") for s in ([8, 8], [4, 8])
    )
    assert 0.2 < fine < coarse + 0.04
