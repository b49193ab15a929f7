"""Synthetic objectives: every constant they claim, measured."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian
from torch.func import grad

from learning.datasets.synthetic import Synthetic
from learning.tasks.objectives import QuadraticTask
from learning.tasks.ridge import RidgeTask
from learning.tasks.task import make_task

torch.set_num_threads(1)
GROUPS = (0, 0, 0, 1, 1, 4, 4, 4)
EDGES = ([0, 1, 2], [3, 4], [5, 6, 7])
CONSTANTS: dict[str, Any] = {
    "dim": 6, "smoothness": 2.0, "strong_convexity": 0.25, "noise": 1.5, "heterogeneity": 0.8,
    "edge_heterogeneity": 0.6, "distance": 3.0, "samples": 400,
}  # fmt: skip
CPU = torch.device("cpu")
QUADRATIC = QuadraticTask(Synthetic(**CONSTANTS), GROUPS, 5)
RIDGE = RidgeTask(Synthetic("logistic", **CONSTANTS), GROUPS, 5)
TASKS = [QUADRATIC, RIDGE]
tasks = pytest.mark.parametrize("task", TASKS, ids=["quadratic", "logistic"])


def all_samples(task: QuadraticTask | RidgeTask, device: int) -> tuple[Tensor, Tensor]:
    """Every sample of a device."""
    x, y = task.bind(CPU, torch.float64).gather([device], np.arange(task.samples[device])[None])
    return x[0], y[0]


def gradients(task: QuadraticTask | RidgeTask, w: Tensor) -> Tensor:
    """grad F_i(w) of every device, by autograd over all its samples."""
    bound = task.bind(CPU, torch.float64)
    return torch.stack([grad(bound.loss)({"w": w}, *all_samples(task, i))["w"] for i in range(task.devices)])


def curvature(task: QuadraticTask | RidgeTask, device: int) -> Tensor:
    """The Hessian of F_i at 0."""
    bound, (x, y) = task.bind(CPU, torch.float64), all_samples(task, device)
    flat = torch.zeros(task.dim, dtype=torch.float64)
    found: Tensor = hessian(lambda w: bound.loss({"w": w}, x, y), flat)  # type: ignore[no-untyped-call]
    return found


def deviations(rows: Tensor) -> tuple[float, float]:
    """Root mean square of device minus edge and of edge minus all."""
    within, between = torch.zeros(()), torch.zeros(())
    for members in EDGES:
        within = within + ((rows[members] - rows[members].mean(0)) ** 2).sum()
        between = between + len(members) * ((rows[members].mean(0) - rows.mean(0)) ** 2).sum()
    return float((within / len(rows)).sqrt()), float((between / len(rows)).sqrt())


@tasks
def test_curvatures_lie_between_mu_and_l_and_reach_l(task: QuadraticTask | RidgeTask) -> None:
    """At w = 0 the logistic curvature is at its largest, X'X/4n + ridge."""
    constants = task.constants
    spectra = [torch.linalg.eigvalsh(curvature(task, device)) for device in range(task.devices)]
    assert float(max(s[-1] for s in spectra)) == pytest.approx(constants.smoothness, rel=1e-9)
    assert float(min(s[0] for s in spectra)) >= constants.strong_convexity - 1e-12


@tasks
def test_the_gap_is_the_loss_of_the_initial_model(task: QuadraticTask | RidgeTask) -> None:
    bound = task.bind(CPU, torch.float64)
    start = bound.initial(1)
    assert float(start.norm()) == pytest.approx(3.0)
    assert bound.evaluate(start)["loss"] == pytest.approx(task.constants.gap, rel=1e-9)


@tasks
def test_gradient_and_loss_are_zero_at_the_optimum(task: QuadraticTask | RidgeTask) -> None:
    best = (
        torch.zeros(6, dtype=torch.float64)
        if isinstance(task, QuadraticTask)
        else torch.from_numpy(task.optimum)
    )
    assert float(gradients(task, best).mean(0).norm()) < 1e-12
    assert task.bind(CPU, torch.float64).evaluate(best)["loss"] == pytest.approx(0, abs=1e-12)


@tasks
def test_heterogeneity_is_that_of_the_gradients_at_the_optimum(task: QuadraticTask | RidgeTask) -> None:
    best = (
        torch.zeros(6, dtype=torch.float64)
        if isinstance(task, QuadraticTask)
        else torch.from_numpy(task.optimum)
    )
    claimed = (task.constants.heterogeneity, task.constants.edge_heterogeneity)
    assert deviations(gradients(task, best)) == pytest.approx(claimed, rel=1e-9)


def test_the_heterogeneity_of_a_quadratic_is_the_same_everywhere() -> None:
    assert deviations(gradients(QUADRATIC, torch.randn(6, dtype=torch.float64))) == pytest.approx(
        (0.8, 0.6), rel=1e-9
    )


def test_a_quadratic_has_the_requested_constants() -> None:
    gap = 0.5 * 3.0**2 * (2.0 + 0.25) / 2  # equal coordinates weigh all curvatures alike
    assert astuple(QUADRATIC.constants) == pytest.approx((2.0, 0.25, 1.5, 0.8, 0.6, gap))


def test_a_quadratic_gradient_is_the_curvature_times_the_distance_to_the_centre_plus_noise() -> None:
    task = QUADRATIC
    bound, positions = task.bind(CPU, torch.float64), np.array([[3, 9]])
    x, y = bound.gather([2], positions)
    w = torch.linspace(-1, 1, 6, dtype=torch.float64)
    expected = task.curvatures * (w.numpy() - task.centres[2]) + task.sample_noise([2], positions)[0].mean(0)
    assert grad(bound.loss)({"w": w}, x[0], y[0])["w"].numpy() == pytest.approx(expected, rel=1e-12)


def test_quadratic_noise_is_normal_of_the_requested_size_and_sums_to_zero_on_every_device() -> None:
    from scipy.stats import kstest

    task = QuadraticTask(Synthetic(dim=6, noise=1.5, samples=20_000), GROUPS, 5)
    noise = task.sample_noise([1], np.arange(20_000)[None])[0]
    assert (noise**2).sum(1).mean() == pytest.approx(1.5**2, rel=0.03)
    assert np.abs(noise.sum(0)).max() == 0
    assert kstest(noise[::2].ravel() * np.sqrt(6) / 1.5, "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(noise[::2].T) - np.eye(6)).max() < 0.04


def test_noise_depends_on_device_and_sample_not_on_the_stack() -> None:
    task = QUADRATIC
    together = task.sample_noise([0, 3], np.array([[1, 7], [1, 7]]))
    assert np.array_equal(together[1], task.sample_noise([3], np.array([[1, 7]]))[0])
    assert not np.array_equal(together[0], together[1])


def test_logistic_noise_bounds_the_spread_of_sample_gradients_at_every_w() -> None:
    task = RIDGE
    for scale in (0.0, 1.0, 30.0):
        w = scale * task.optimum
        x, signs = task.inputs[0], task.signs
        rows = -(signs / (1 + np.exp(signs * (x @ w))))[:, None] * x
        assert ((rows - rows.mean(0)) ** 2).sum(1).mean() <= task.constants.noise**2


def test_logistic_gradients_equal_autograd() -> None:
    task, w = RIDGE, np.linspace(-1, 2, 6)
    assert task.gradients(w) == pytest.approx(gradients(task, torch.from_numpy(w)).numpy(), rel=1e-10)


def test_logistic_accuracy_is_the_share_of_correct_signs() -> None:
    task = RIDGE
    score = task.bind(CPU, torch.float64).evaluate(torch.from_numpy(task.optimum))
    right = (np.sign(task.inputs @ task.optimum) == task.signs).mean()
    assert score["accuracy"] == pytest.approx(right)
    assert right > 0.6


def test_heterogeneity_needs_at_least_two_nodes() -> None:
    for spec, groups, message in (
        (Synthetic(heterogeneity=1.0), (0, 1), "must be 0 without two devices under one edge server"),
        (Synthetic(edge_heterogeneity=1.0), (0, 0), "must be 0 without two edge servers"),
    ):
        with pytest.raises(ValueError, match=message):
            make_task(spec, None, None, groups, seed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "cubic"}, "objective must be quadratic or logistic, got 'cubic'"),
        ({"dim": 0}, "dim must be >= 1, got 0"),
        ({"strong_convexity": 2.0}, "0 < strong_convexity <= smoothness < inf must hold, got 2.0 and 1.0"),
        (
            {"objective": "logistic", "strong_convexity": 1.0},
            "strong_convexity < smoothness, got 1.0 for both",
        ),
        ({"noise": -1.0}, "noise must be a finite number >= 0, got -1.0"),
        ({"samples": 3}, "samples must be even"),
    ],
)
def test_wrong_constants_are_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Synthetic(**arguments)
