"""The hand-written trainers equal the reference and never mix the rows of a stack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learning.algorithms.layer import Leaf
from learning.datasets.arrays import Arrays
from learning.engine.fused_trainer import allocate_aligned
from learning.engine.im2col_trainer import Im2colTrainer
from learning.engine.lazy_vectors import LazyVector, Train
from learning.engine.numerics import default_strategy
from learning.engine.trainers import TRAINERS
from learning.models import LeNet, Logistic, McMahanCnn, Mlp, Model, ResNet8
from learning.partitions.partitions import Iid
from learning.tasks.classification import ClassificationTask
from learning.tasks.task import BoundTask

GREY, COLOUR = (1, 28, 28), (3, 29, 30)  # the second leaves an odd column to pooling
CPU = torch.device("cpu")


def bound(
    model: Model, inputs: tuple[int, ...], dtype: torch.dtype, devices: int = 7, device: torch.device = CPU
) -> BoundTask:
    """Noise in ten classes, six samples per device."""
    noise = np.random.default_rng(0)
    x, y = noise.integers(0, 256, (6 * devices, *inputs), dtype=np.uint8), np.arange(6 * devices) % 10
    mean = (0.5,) * inputs[0]
    arrays = Arrays(x, y, x[:4], y[:4], 10, mean, mean, "noise")
    parts = [np.arange(6 * d, 6 * d + 6) for d in range(devices)]
    return ClassificationTask(arrays, model, Iid(), parts).bind(device, dtype)


def trained(
    task: BoundTask, strategy: str, devices: Sequence[int], batch: int, steps: int = 2, models: bool = True
) -> Tensor:
    """Models that `devices` train from initial models of their own."""
    jobs = [Train(Leaf(0.1, batch), d, LazyVector(b"", 0, None, task.initial(d)), steps, 3) for d in devices]
    work = allocate_aligned(len(jobs), (task.dim,), task.initial(1))
    for row, device in zip(work, devices, strict=True):
        row.copy_(task.initial(device))
    TRAINERS[strategy](task, 5).train(work, jobs, models)
    return work


@pytest.mark.parametrize("inputs", [GREY, COLOUR])
@pytest.mark.parametrize("batch", [1, 2, 5, 32, 70])
@pytest.mark.parametrize(("steps", "models"), [(1, False), (1, True), (3, False), (3, True)])
def test_im2col_training_of_lenet_equals_the_reference(
    inputs: tuple[int, ...], batch: int, steps: int, models: bool
) -> None:
    task = bound(LeNet(), inputs, torch.float64, devices=3)
    ours = trained(task, "im2col", range(3), batch, steps, models)
    reference = trained(task, "reference", range(3), batch, steps, models)
    assert float(reference.abs().max()) > 1e-3
    assert float((ours - reference).abs().max()) < 1e-12


@pytest.mark.parametrize("model", [Logistic(), Mlp((7, 5))])
@pytest.mark.parametrize("batch", [1, 2, 5, 32, 70])
@pytest.mark.parametrize(("steps", "models"), [(1, False), (3, False), (3, True)])
def test_fused_training_of_linear_layers_equals_the_reference(
    model: Model, batch: int, steps: int, models: bool
) -> None:
    task = bound(model, COLOUR, torch.float64, devices=3)
    ours = trained(task, "fused", range(3), batch, steps, models)
    reference = trained(task, "reference", range(3), batch, steps, models)
    assert float((ours - reference).abs().max()) < 1e-12


@pytest.mark.parametrize(
    ("model", "strategy"),
    [(LeNet(), "im2col"), (Logistic(), "fused"), (Mlp((64, 5)), "fused"), (Mlp((200,)), "fused")],
)
@pytest.mark.parametrize("batch", [1, 2, 3, 10, 32, 40, 64])
@pytest.mark.parametrize("inputs", [GREY, COLOUR])
def test_neither_the_stack_size_nor_the_row_changes_a_bit(
    model: Model, strategy: str, batch: int, inputs: tuple[int, ...]
) -> None:
    task = bound(model, inputs, torch.float32)
    alone = torch.cat([trained(task, strategy, [device], batch) for device in range(7)])
    for size in range(2, 8):
        assert torch.equal(trained(task, strategy, range(size), batch), alone[:size])
    assert torch.equal(trained(task, strategy, range(6, -1, -1), batch).flip(0), alone)


@pytest.mark.parametrize("batch", [1, 3, 5])
@pytest.mark.parametrize("model", [Logistic(), Mlp((64, 5))], ids=repr)
def test_unaligned_rows_change_no_bit(model: Model, batch: int) -> None:
    """Local optimizers pass copies, whose rows are not aligned."""
    task = bound(model, COLOUR, torch.float32)
    jobs = [Train(Leaf(0.1, batch), d, LazyVector(b"", 0, None, task.initial(d)), 2, 3) for d in range(7)]
    unaligned = torch.empty(7 * task.dim + 1)[1:].view(7, task.dim)
    unaligned.copy_(torch.stack([task.initial(device) for device in range(7)]))
    TRAINERS["fused"](task, 5).train(unaligned, jobs, True)
    assert torch.equal(unaligned, trained(task, "fused", range(7), batch))


def test_a_diverged_device_does_not_affect_the_next_one() -> None:
    task = bound(LeNet(), GREY, torch.float32)
    start = task.initial(1)
    jobs = [Train(Leaf(0.1, 4), device, LazyVector(b"", 0, None, start), 1, 0) for device in (0, 1)]
    work = torch.stack([torch.full_like(start, torch.nan), start])
    Im2colTrainer(task, 5).train(work, jobs, True)
    assert bool(work[0].isnan().any())
    assert not bool(work[1].isnan().any())


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(3136, 10)],
        [nn.Conv2d(1, 4, 3, stride=2), nn.Flatten(), nn.Linear(676, 10)],
        [nn.Conv2d(1, 4, 3, bias=False), nn.Flatten(), nn.Linear(2704, 10)],
        [nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 10)],
        [nn.Conv2d(1, 4, 5), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10)],
        [nn.Conv2d(1, 4, 5), nn.Tanh(), nn.Flatten(), nn.Linear(2304, 10)],
        [nn.Flatten(), nn.Linear(784, 10)],
    ],
)
def test_im2col_rejects_unsupported_layers(layers: list[nn.Module]) -> None:
    task = bound(LeNet(), GREY, torch.float32)
    task.module = nn.Sequential(*layers)
    with pytest.raises(ValueError, match="small_conv means a chain"):
        Im2colTrainer(task, 1)


def test_the_strategy_follows_from_model_and_device() -> None:
    models = (Logistic(), LeNet(), McMahanCnn(), ResNet8())
    assert [default_strategy(m.architecture, "cpu") for m in models] == ["fused", "im2col", "loop", "loop"]
    assert [default_strategy(m.architecture, "cuda") for m in models] == ["fused", "vmap", "vmap", "vmap"]
