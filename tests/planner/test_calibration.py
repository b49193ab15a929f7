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
    setting = plan_context(load_text(QUADRATIC.replace("noise: 2.0", "noise: 2.0, samples: 400")))
    return setting, calibrate(setting, tmp_path_factory.mktemp("runs"))


def test_a_quadratic_s_noise_and_heterogeneity_are_found(quadratic: tuple[object, object]) -> None:
    """All samples of a device are used, so its mean gradient and delta_n^2 are exact; sigma^2 is estimated."""
    setting, found = quadratic
    truth = known(setting)  # type: ignore[arg-type]
    assert truth is not None
    assert found.facts.layers == pytest.approx(truth.facts.layers, rel=1e-4)  # type: ignore[attr-defined]
    assert found.facts.noise == pytest.approx(truth.facts.noise, rel=0.15)  # type: ignore[attr-defined]
    assert found.facts.gap == pytest.approx(truth.facts.gap)  # type: ignore[attr-defined]
    assert found.start == pytest.approx(truth.start, rel=1e-3)  # type: ignore[attr-defined]


def test_a_quadratic_s_smoothness_as_met_lies_between_its_curvatures(
    quadratic: tuple[object, object],
) -> None:
    found = quadratic[1]
    assert 0.1 <= found.facts.smoothness <= 2.0 * (1 + 1e-6)  # type: ignore[attr-defined]
    assert found.facts.smoothness > 1.0  # type: ignore[attr-defined]


def test_measured_variances_stay_below_the_worst_case(quadratic: tuple[object, object]) -> None:
    setting, found = quadratic
    worst = [row[0] for row in setting.variances(setting.uplinks(False))]  # type: ignore[attr-defined]
    assert all(0 <= m <= q + 1e-9 for m, q in zip(found.variances, worst, strict=True))  # type: ignore[attr-defined]
    assert found.variances[0] > 0 == found.variances[1]  # type: ignore[attr-defined]


def test_a_second_calibration_costs_nothing(
    quadratic: tuple[object, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = quadratic[0]
    first = calibrate(setting, tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr("netsim.planner.calibration._looks", lambda setting: pytest.fail("measured again"))
    again = calibrate(setting, tmp_path)  # type: ignore[arg-type]
    assert (again.facts, again.origin, again.errors) == (first.facts, "calibrated", first.errors)


@pytest.fixture(scope="module")
def shelved(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, object, Path]:
    """A setting, its calibration, and the folder that keeps it; nobody writes there."""
    setting, folder = plan_context(load_text(QUADRATIC)), tmp_path_factory.mktemp("shelved")
    return setting, calibrate(setting, folder), folder


@pytest.mark.parametrize("content", [b"{", b'{"facts": {"smoothness": 1}}', b"\xff"])
def test_a_damaged_calibration_is_made_again(
    content: bytes, shelved: tuple[object, object, Path], tmp_path: Path
) -> None:
    setting, first, folder = shelved
    copytree(folder, tmp_path, dirs_exist_ok=True)
    (shelf,) = (tmp_path / "ledger").iterdir()
    shelf.write_bytes(content)
    assert calibrate(setting, tmp_path).facts == first.facts  # type: ignore[arg-type, attr-defined]
    assert shelf.stat().st_size > 100
    assert len(list((tmp_path / "ledger").iterdir())) == 1


def test_measured_variances_replace_the_worst_case_in_the_bound(quadratic: tuple[object, object]) -> None:
    setting, found = quadratic
    task = make_plans(setting, Limits(30.0), Options(mode="joint-1"), found).task  # type: ignore[arg-type]
    assert task.up[0][0] == pytest.approx(found.variances[0])  # type: ignore[attr-defined]


def test_a_data_set_is_calibrated(tmp_path: Path) -> None:
    found = calibrate(plan_context(scene()), tmp_path)
    assert found.facts.gap == pytest.approx(np.log(10), rel=0.1)
    assert all(value > 0 for value in (*found.facts.layers, found.facts.noise, found.facts.smoothness))
    assert all(error >= 0 for error in found.errors.values())


def test_levels_of_heterogeneity_are_orthogonal() -> None:
    """delta_1^2 + ... + delta_N^2 is the whole variance, for any weights."""
    r = np.random.default_rng(0)
    topology = plan_context(scene()).topology
    rows, weights = r.normal(size=(12, 5)), r.uniform(0.5, 2, 12)
    weights /= weights.sum()
    layers = level_variances(topology, weights.tolist(), rows)
    assert sum(layers) == pytest.approx(float(weights @ ((rows - weights @ rows) ** 2).sum(1)))


def test_the_quadratic_task_agrees_with_what_it_says() -> None:
    """Heterogeneity and edge heterogeneity are delta_1 and delta_2."""
    setting = plan_context(load_text(QUADRATIC))
    task = setting.task
    assert isinstance(task, QuadraticTask)
    layers = level_variances(setting.topology, [1 / 8] * 8, task.curvatures * task.centres)
    assert layers == pytest.approx((0.36, 0.09))
