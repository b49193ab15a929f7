"""The benchmarked work: MNIST-shaped noise on 50 devices below 5 edge servers, tau = (10, 2), batch 32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from learning.algorithms.layer import Leaf
from learning.datasets.arrays import Arrays
from learning.engine.fused_trainer import allocate_aligned
from learning.engine.lazy_vectors import LazyVector, Train
from learning.engine.numerics import Numerics, resolve_numerics, stack_rows
from learning.engine.solver_factory import bind_task, make_trainer
from learning.models import CifarCnn, LeNet, Logistic, McMahanCnn, Mlp, Model, ResNet8
from learning.partitions.partitions import Iid
from learning.tasks.classification import ClassificationTask

DEVICES, EDGES, STEPS, PERIODS, BATCH, RATE = 50, 5, 10, 2, 32, 0.05
MODELS: dict[str, Model] = {
    "logistic": Logistic(),
    "mlp": Mlp((200,)),
    "lenet": LeNet(),
    "mcmahan_cnn": McMahanCnn(),
    "cifar_cnn": CifarCnn(),
    "resnet8": ResNet8(),
}
YAML = {"mlp": "{mlp: {hidden: [200]}}"}
COLOUR = ("cifar_cnn", "resnet8")


def inputs_of(model: str) -> tuple[int, int, int]:
    """Grey pictures of 28 x 28, or colour ones of 32 x 32."""
    return (3, 32, 32) if model in COLOUR else (1, 28, 28)


def noise(model: str, devices: int = DEVICES) -> Arrays:
    """320 samples per device."""
    rng, inputs = np.random.default_rng(0), inputs_of(model)
    x = rng.integers(0, 256, (devices * STEPS * BATCH, *inputs), dtype=np.uint8)
    mean = (0.5,) * inputs[0]
    return Arrays(x, np.arange(len(x)) % 10, x[:100], np.arange(100) % 10, 10, mean, mean, "noise")


def build_task(model: str, devices: int = DEVICES) -> ClassificationTask:
    """The model on the noise, shared evenly."""
    arrays = noise(model, devices)
    parts = Iid().split(arrays.train_y, [0] * devices, seed=1)
    return ClassificationTask(arrays, MODELS[model], Iid(), parts)


def batched(task: ClassificationTask, numerics: Numerics, steps: int = STEPS) -> Callable[[], None]:
    """All devices' local work by a strategy, in stacks of its size."""
    bound = bind_task(numerics, task)
    trainer = make_trainer(numerics, bound, 1)
    initial, count = bound.initial(1), task.devices
    start = LazyVector(b"", 0, None, initial)
    jobs = [Train(Leaf(RATE, BATCH), device, start, steps, 0) for device in range(count)]
    rows = numerics.stack or stack_rows(task.dim, numerics)
    work = allocate_aligned(min(rows, count), (task.dim,), initial)

    def run() -> None:
        for first in range(0, count, rows):
            some = jobs[first : first + rows]
            work[: len(some)].copy_(initial.expand(len(some), -1))
            trainer.train(work[: len(some)], some, models=False)

    return run


def eager(task: ClassificationTask) -> Callable[[], None]:
    """The same work with the trainer of the eager engine: one device at a time through torch.nn and torch.optim."""
    return batched(task, resolve_numerics("eager", "cpu", "float32", task))


def naive(
    task: ClassificationTask, device: str = "cpu", devices: int | None = None, steps: int = STEPS
) -> Callable[[], None]:
    """The usual published implementation, on loaded tensors: a module, a loader and an optimiser per device."""
    place = torch.device(device)
    bound = task.bind(place, torch.float32)
    count = devices or task.devices
    x, y = bound.gather(list(range(count)), np.tile(np.arange(steps * BATCH), (count, 1)))
    loaders = [DataLoader(TensorDataset(a, b), BATCH, shuffle=True) for a, b in zip(x, y, strict=True)]
    inputs = task.arrays.shape.inputs

    def run() -> None:
        for loader in loaders:
            module = task.model.build(inputs, 10).to(place)
            optimiser = torch.optim.SGD(module.parameters(), lr=RATE)
            for samples, labels in loader:
                optimiser.zero_grad()
                torch.autograd.backward(torch.nn.functional.cross_entropy(module(samples), labels))
                optimiser.step()

    return run


def scene(
    model: str, folder: Path, rounds: int, code: str = "fixed", edges: int = EDGES, devices: int = DEVICES
) -> str:
    """The same work as a scenario: QSGD on both layers, a radio cell per edge server, wires above them."""
    arrays, path = noise(model, devices), folder / f"{model}-{devices}.npz"
    if not path.exists():
        np.savez(
            path, x_train=arrays.train_x, y_train=arrays.train_y, x_test=arrays.test_x, y_test=arrays.test_y
        )
    return f"""
name: bench
seed: 3
task: {{dataset: {{npz: {{path: {path}}}}}, partition: iid, model: {YAML.get(model, model)}}}
topology: {{fanout: [{edges}, {devices // edges}]}}
devices: {{compute: {{flops: {{rate: 2 GFLOP/s, efficiency: 0.2, spread: {{lognormal: 0.4}}}}}}}}
algorithm:
  hier_local_qsgd:
    {{learning_rate: {RATE}, batch_size: {BATCH}, tau: [{STEPS}, {PERIODS}], levels: [4, 4], bucket: 512, code: {code}}}
network:
  - cell: {{preset: urban_micro, uplink: 20 MHz, downlink: 20 MHz}}
  - wired: {{rate: 100 Mbit/s, latency: 5 ms}}
stop: {{rounds: {rounds}}}
evaluate: {{every: {rounds}}}
"""
