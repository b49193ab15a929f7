"""The batched engine equals the eager engine in every batch of updates, and itself for every stack size and process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from learning.engine import trainers
from learning.engine.lazy_vectors import Train
from netsim.simulation.run import execute

from .runs import RECIPES, TIMED, final, recipe, scenario


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("model", ["logistic", "{mlp: {hidden: [5]}}"])
def test_every_batch_of_updates_equals_the_reference_trainer(
    name: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = record_largest_differences(monkeypatch, "fused")
    execute(recipe(name, model=model, precision="float64"), device="cpu")
    assert len(differences) >= 3
    assert max(differences) < 1e-12


@pytest.mark.parametrize(
    ("model", "strategy"),
    [("lenet", "im2col"), ("mcmahan_cnn", "loop"), ("cifar_cnn", "loop"), ("resnet8", "loop")],
)
def test_updates_of_convolutional_models_equal_the_reference_trainer(
    model: str, strategy: str, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = record_largest_differences(monkeypatch, strategy)
    task = f"{{dataset: {{npz: {{path: {images}}}}}, model: {model}}}"
    algorithm = "hier_sign_sgd: {learning_rate: 0.1, batch_size: 3, tau: [1, 2]}"
    execute(scenario([2, 2], algorithm, task=task, precision="float64", rounds=1), device="cpu")
    assert len(differences) >= 2
    assert max(differences) < 1e-12


@pytest.fixture
def images(tmp_path: Path) -> str:
    """Path of random 28 x 28 images of ten classes."""
    noise = np.random.default_rng(0)
    x, y = noise.integers(0, 256, (40, 28, 28), dtype=np.uint8), np.arange(40) % 10
    np.savez(tmp_path / "images.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return str(tmp_path / "images.npz")


@pytest.mark.parametrize("name", RECIPES)
def test_the_stack_size_does_not_change_the_final_model(name: str) -> None:
    scene = recipe(name)
    expected = final(scene)
    row = 4 * 4 * expected.size
    for rows in (1, 2, 3):
        assert np.array_equal(final(scene, memory_bytes=rows * row), expected)


@pytest.mark.parametrize("name", RECIPES)
def test_the_eager_engine_gives_the_same_final_model(name: str) -> None:
    """In float64, so that rounding differences between strategies do not change random decisions."""
    scene = recipe(name, precision="float64", rounds=2)
    assert np.allclose(final(scene, engine="eager"), final(scene), rtol=0, atol=1e-12)


def test_another_process_gives_an_identical_model() -> None:
    code = (
        "from tests.simulation.runs import final, recipe\n"
        "print(final(recipe('qmlhfl'), memory_bytes=7000).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == final(recipe("qmlhfl")).tobytes().hex()


@pytest.mark.parametrize("name", TIMED)
def test_the_timing_engine_gives_the_same_times_and_bits(name: str) -> None:
    timed, trained = execute(recipe(name), engine="timing"), execute(recipe(name), device="cpu")
    assert [r["sim_time_s"] for r in timed.trace.rounds] == [r["sim_time_s"] for r in trained.trace.rounds]
    assert timed.trace.totals == trained.trace.totals


def record_largest_differences(monkeypatch: pytest.MonkeyPatch, strategy: str) -> list[float]:
    """Record the largest difference to the reference trainer for every stack trained from now on."""
    largest: list[float] = []
    make = trainers.TRAINERS[strategy]

    class CheckedTrainer:
        def __init__(self, task: object, seed: int) -> None:
            self.real, self.reference = make(task, seed), trainers.ReferenceTrainer(task, seed)  # type: ignore[arg-type]

        def train(self, work: Tensor, jobs: Sequence[Train], models: bool) -> None:
            expected = work.clone()
            self.reference.train(expected, jobs, models)
            self.real.train(work, jobs, models)
            largest.append(float((work - expected).abs().max()))
            assert float(expected.abs().max()) > 0

    monkeypatch.setitem(trainers.TRAINERS, strategy, CheckedTrainer)
    return largest
