"""Calibration against objectives whose constants are known."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from learning.tasks.objectives import QuadraticTask
from netsim.bounds.from_scenario import level_variances, plan_context
from netsim.planner.calibration import calibrate
from netsim.planner.constants import known
from netsim.planner.planner import Limits, Options, make_plans
from netsim.scenario import load_text

from .sample_scenarios import scene
from .test_plan import QUADRATIC


@pytest.fixture(scope="module")
def quadratic(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object]:
    context = plan_context(load_text(QUADRATIC.replace("noise: 2.0", "noise: 2.0, samples: 400")))
    return context, calibrate(context, tmp_path_factory.mktemp("runs"))


def test_calibration_estimates_noise_and_heterogeneity_of_a_quadratic(
    quadratic: tuple[object, object],
) -> None:
    """All samples of a device are used, so its mean gradient and delta_n^2 are exact; sigma^2 is estimated."""
    context, estimate = quadratic
    exact = known(context)  # type: ignore[arg-type]
    assert exact is not None
    assert estimate.facts.layers == pytest.approx(exact.facts.layers, rel=1e-4)  # type: ignore[attr-defined]
    assert estimate.facts.noise == pytest.approx(exact.facts.noise, rel=0.15)  # type: ignore[attr-defined]
    assert estimate.facts.gap == pytest.approx(exact.facts.gap)  # type: ignore[attr-defined]
    assert estimate.start == pytest.approx(exact.start, rel=1e-3)  # type: ignore[attr-defined]


def test_the_estimated_smoothness_of_a_quadratic_lies_between_its_curvatures(
    quadratic: tuple[object, object],
) -> None:
    estimate = quadratic[1]
    assert 0.1 <= estimate.facts.smoothness <= 2.0 * (1 + 1e-6)  # type: ignore[attr-defined]
    assert estimate.facts.smoothness > 1.0  # type: ignore[attr-defined]


def test_measured_variances_stay_below_the_worst_case(quadratic: tuple[object, object]) -> None:
    context, estimate = quadratic
    worst_case = [row[0] for row in context.variances(context.uplinks(False))]  # type: ignore[attr-defined]
    assert all(0 <= m <= q + 1e-9 for m, q in zip(estimate.variances, worst_case, strict=True))  # type: ignore[attr-defined]
    assert estimate.variances[0] > 0 == estimate.variances[1]  # type: ignore[attr-defined]


def test_a_second_calibration_is_loaded(
    quadratic: tuple[object, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = quadratic[0]
    first = calibrate(context, tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr("netsim.planner.calibration._looks", lambda context: pytest.fail("measured again"))
    second = calibrate(context, tmp_path)  # type: ignore[arg-type]
    assert (second.facts, second.origin, second.errors) == (first.facts, "calibrated", first.errors)


@pytest.fixture(scope="module")
def stored_calibration(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object, Path]:
    """A plan context, its calibration, and the folder that stores it (read only)."""
    context, folder = plan_context(load_text(QUADRATIC)), tmp_path_factory.mktemp("stored_calibration")
    return context, calibrate(context, folder), folder


@pytest.mark.parametrize("content", [b"{", b'{"facts": {"smoothness": 1}}', b"\xff"])
def test_a_damaged_calibration_is_recomputed(
    content: bytes, stored_calibration: tuple[object, object, Path], tmp_path: Path
) -> None:
    context, first, folder = stored_calibration
    copytree(folder, tmp_path, dirs_exist_ok=True)
    (file,) = (tmp_path / "ledger").iterdir()
    file.write_bytes(content)
    assert calibrate(context, tmp_path).facts == first.facts  # type: ignore[arg-type, attr-defined]
    assert file.stat().st_size > 100
    assert len(list((tmp_path / "ledger").iterdir())) == 1


def test_measured_variances_replace_the_worst_case_in_the_bound(quadratic: tuple[object, object]) -> None:
    context, estimate = quadratic
    task = make_plans(context, Limits(30.0), Options(mode="joint-1"), estimate).task  # type: ignore[arg-type]
    assert task.up[0][0] == pytest.approx(estimate.variances[0])  # type: ignore[attr-defined]


def test_a_dataset_is_calibrated(tmp_path: Path) -> None:
    estimate = calibrate(plan_context(scene()), tmp_path)
    assert estimate.facts.gap == pytest.approx(np.log(10), rel=0.1)
    assert all(
        value > 0 for value in (*estimate.facts.layers, estimate.facts.noise, estimate.facts.smoothness)
    )
    assert all(error >= 0 for error in estimate.errors.values())


def test_levels_of_heterogeneity_are_orthogonal() -> None:
    """delta_1^2 + ... + delta_N^2 is the total variance, for any weights."""
    r = np.random.default_rng(0)
    topology = plan_context(scene()).topology
    rows, weights = r.normal(size=(12, 5)), r.uniform(0.5, 2, 12)
    weights /= weights.sum()
    layers = level_variances(topology, weights.tolist(), rows)
    assert sum(layers) == pytest.approx(float(weights @ ((rows - weights @ rows) ** 2).sum(1)))


def test_the_quadratic_task_has_the_specified_heterogeneity() -> None:
    """Heterogeneity and edge heterogeneity are delta_1 and delta_2."""
    context = plan_context(load_text(QUADRATIC))
    task = context.task
    assert isinstance(task, QuadraticTask)
    layers = level_variances(context.topology, [1 / 8] * 8, task.curvatures * task.centres)
    assert layers == pytest.approx((0.36, 0.09))
