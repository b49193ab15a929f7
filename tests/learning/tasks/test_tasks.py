"""Tasks: every device receives its own samples, normalised, and the loss equals that of the module."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import grad, vmap

from learning.datasets import DataError
from learning.datasets.digits import Digits
from learning.datasets.idx import Mnist
from learning.datasets.npz import Npz
from learning.datasets.synthetic import Synthetic
from learning.models import LeNet, Logistic, Mlp
from learning.partitions.partitions import Dirichlet, Iid
from learning.tasks.classification import ClassificationTask
from learning.tasks.task import Task, describe_task, make_task

torch.set_num_threads(1)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task() -> ClassificationTask:
    """Digits over five devices, unequally."""
    made = make_task(Digits(), Dirichlet(0.5), Mlp((12,)), [0, 0, 1, 1, 1], seed=3)
    assert isinstance(made, ClassificationTask)
    return made


@pytest.fixture
def bytes_file(tmp_path: Path) -> Path:
    """uint8 colour images with per-channel statistics."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60, 3, 4, 4), np.uint8), np.arange(60) % 3
    x[:, 1] //= 4
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])
    return tmp_path / "x.npz"


def test_gather_returns_the_normalised_samples_of_each_device(task: ClassificationTask) -> None:
    positions = np.array([[0, 2, 2], [1, 0, 5]])
    x, y = task.bind(CPU, torch.float64).gather([4, 1], positions)
    for row, device in enumerate([4, 1]):
        mine = task.indices(device)[positions[row]]
        expected = (task.arrays.train_x[mine] - task.arrays.mean[0]) / task.arrays.std[0]
        assert x[row].numpy() == pytest.approx(expected, abs=1e-6)
        assert y[row].tolist() == task.arrays.train_y[mine].tolist()


def test_bytes_are_normalised_channel_by_channel(bytes_file: Path) -> None:
    made = make_task(Npz(str(bytes_file)), Iid(), Logistic(), [0], seed=0)
    assert isinstance(made, ClassificationTask)
    x, _ = made.bind(CPU, torch.float64).gather([0], np.arange(60)[None])
    assert made.arrays.train_x.dtype == np.uint8
    assert x.mean((0, 1, 3, 4)).tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert x.var((0, 1, 3, 4), correction=0).tolist() == pytest.approx([1, 1, 1])


def test_a_row_does_not_depend_on_its_stack(task: ClassificationTask) -> None:
    bound, positions = task.bind(CPU, torch.float32), np.array([[3, 1], [0, 4], [2, 2]])
    together, alone = bound.gather([0, 3, 2], positions)[0], bound.gather([3], positions[1:2])[0]
    assert torch.equal(together[1], alone[0])


@pytest.mark.parametrize("pick", [-1, 10_000])
def test_a_position_outside_the_list_of_a_device_is_rejected(task: ClassificationTask, pick: int) -> None:
    with pytest.raises(IndexError, match="positions below"):
        task.bind(CPU, torch.float32).gather([1], np.array([[pick]]))


def test_views_share_memory_and_cover_the_vector(task: ClassificationTask) -> None:
    bound = task.bind(CPU, torch.float32)
    stack = torch.arange(3.0 * task.dim).view(3, -1)
    views = bound.views(stack)
    assert torch.equal(torch.cat([view.reshape(3, -1) for view in views.values()], 1), stack)
    views["1.bias"][2] = -1.0
    assert int((stack[2] == -1).sum()) == 12
    assert [(n, tuple(v.shape[1:])) for n, v in views.items()] == bound.shapes


def test_loss_is_the_modules_cross_entropy_under_vmap_and_grad(task: ClassificationTask) -> None:
    bound = task.bind(CPU, torch.float64)
    vector = bound.initial(1)
    x, y = bound.gather([0, 1], np.array([[0, 1, 2], [2, 1, 0]]))
    nn.utils.vector_to_parameters(vector, bound.module.parameters())
    stacked = vmap(grad(bound.loss), in_dims=(None, 0, 0))(bound.views(vector), x, y)
    for row in range(2):
        bound.module.zero_grad()
        bound.module_loss(x[row], y[row]).backward()  # type: ignore[no-untyped-call]
        for name, parameter in bound.module.named_parameters():
            assert torch.allclose(stacked[name][row], parameter.grad, atol=1e-12)  # type: ignore[arg-type]


def test_evaluate_returns_accuracy_and_mean_loss_over_the_test_split(
    task: ClassificationTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("learning.tasks.tensors.EVALUATION_CHUNK", 100)
    bound = task.bind(CPU, torch.float64)
    vector = bound.initial(4)
    nn.utils.vector_to_parameters(vector, bound.module.parameters())
    x = torch.from_numpy((task.arrays.test_x.astype(np.float64) - task.arrays.mean[0]) / task.arrays.std[0])
    scores, y = bound.module(x).detach(), torch.from_numpy(task.arrays.test_y)
    expected = {
        "accuracy": float((scores.argmax(1) == y).double().mean()),
        "loss": float(nn.functional.cross_entropy(scores, y)),
    }
    assert bound.evaluate(vector) == pytest.approx(expected, rel=1e-6)


def test_evaluation_does_not_change_the_data(task: ClassificationTask) -> None:
    bound, before = task.bind(CPU, torch.float32), task.arrays.test_x.copy()
    vector = bound.initial(4)
    assert bound.evaluate(vector) == bound.evaluate(vector)
    assert np.array_equal(task.arrays.test_x, before)


def test_centralised_sgd_learns_the_digits(task: ClassificationTask) -> None:
    bound, rng = task.bind(CPU, torch.float32), np.random.default_rng(0)
    vector = bound.initial(0)
    for _ in range(300):
        device = int(rng.integers(5))
        x, y = bound.gather([device], rng.integers(0, task.samples[device], (1, 32)))
        gradients = grad(bound.loss)(bound.views(vector), x[0], y[0])
        vector -= 0.1 * torch.cat([g.reshape(-1) for g in gradients.values()])
    assert bound.evaluate(vector)["accuracy"] > 0.85


@pytest.mark.skipif("NETSIM_DATA" not in os.environ, reason="NETSIM_DATA names no folder with MNIST")
def test_real_mnist_becomes_a_task() -> None:
    made = make_task(Mnist(), Iid(), LeNet(), [0] * 50, seed=1)
    assert (made.dim, made.samples) == (21_840, [1200] * 50)
    score = made.bind(CPU, torch.float32).evaluate(torch.zeros(21_840))
    assert score == pytest.approx({"accuracy": 0.098, "loss": np.log(10)}, rel=1e-5)


def test_description_and_check_agree_with_the_task(task: ClassificationTask) -> None:
    dim, flops, shape = describe_task(Digits(), Mlp((12,)))
    assert (dim, flops, shape) == (task.dim, task.flops_per_sample, task.arrays.shape)
    assert "910 parameters on digits" in task.description


def test_the_fingerprint_depends_on_data_split_and_model(task: ClassificationTask) -> None:
    def made(seed: int = 3, limit: int | None = None, width: int = 12) -> Task:
        return make_task(Digits(train_limit=limit), Dirichlet(0.5), Mlp((width,)), [0, 0, 1, 1, 1], seed)

    assert made().fingerprint == task.fingerprint
    assert len({t.fingerprint for t in (task, made(seed=4), made(limit=900), made(width=13))}) == 4


def test_synthetic_tasks_need_neither_model_nor_partition() -> None:
    made = make_task(Synthetic("logistic", dim=4, samples=20), None, None, [0, 1], seed=0)
    assert (made.dim, made.samples, made.architecture) == (4, [20, 20], "objective")
    assert describe_task(Synthetic(dim=4), None)[:2] == (4, 16)
    with pytest.raises(ValueError, match="brings its own model and partition"):
        make_task(Synthetic(), None, Logistic(), [0], seed=0)


def test_parts_that_do_not_fit_are_rejected_before_any_training() -> None:
    with pytest.raises(ValueError, match="model is missing"):
        make_task(Digits(), Iid(), None, [0], seed=0)
    with pytest.raises(ValueError, match=r"LeNet on inputs .1, 8, 8.: .*too small"):
        describe_task(Digits(), LeNet())
    with pytest.raises(ValueError, match="at least one device"):
        make_task(Digits(), Iid(), Logistic(), [], seed=0)


def test_describing_a_task_needs_no_data_but_creating_it_does(tmp_path: Path) -> None:
    assert describe_task(Mnist(), Logistic(), tmp_path)[0] == 7850
    with pytest.raises(DataError, match="MNIST not found"):
        make_task(Mnist(), Iid(), Logistic(), [0], seed=0, data_dir=tmp_path)


def test_tasks_are_described_without_torch() -> None:
    code = (
        "import sys; from learning.tasks.task import describe_task; from learning.datasets import DATASETS;"
        "from learning.models import MODELS; describe_task(DATASETS['cifar10'](), MODELS['resnet8']());"
        "assert not {'torch', 'sklearn', 'scipy', 'PIL', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.gpu
def test_a_cuda_task_gathers_the_same_samples(task: ClassificationTask) -> None:
    positions = np.array([[0, 1], [2, 3]])
    here = task.bind(CPU, torch.float64).gather([0, 1], positions)
    there = task.bind(torch.device("cuda"), torch.float64).gather([0, 1], positions)
    assert torch.equal(there[1].cpu(), here[1])
    assert torch.allclose(there[0].cpu(), here[0], rtol=1e-15)
