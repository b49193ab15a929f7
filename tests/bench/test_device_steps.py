"""Device-steps per second of the batched engine against a loop over nn.Module, DataLoader and torch.optim.

Run by `make bench`; medians of process time, ratios within one run. 50 devices, 10 local steps, batch 32,
random MNIST-shaped data, one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from learning.algorithm import Leaf
from learning.classification import ClassificationTask
from learning.datasets.arrays import Arrays
from learning.engine.fused import aligned
from learning.engine.numerics import resolve, stack_rows
from learning.engine.promises import Ref, Train
from learning.engine.trainers import STRATEGIES
from learning.models import MODELS
from learning.partitions import Iid

pytestmark = pytest.mark.bench

DEVICES, STEPS, BATCH = 50, 10, 32


def task(model: str) -> ClassificationTask:
    noise = np.random.default_rng(0)
    x, y = noise.integers(0, 256, (DEVICES * 320, 1, 28, 28), dtype=np.uint8), np.arange(DEVICES * 320) % 10
    arrays = Arrays(x, y, x[:100], y[:100], 10, (0.5,), (0.3,), "noise")
    parts = Iid().split(y, [0] * DEVICES, seed=1)
    part = MODELS[model](hidden=(200,)) if model == "mlp" else MODELS[model]()  # type: ignore[call-arg]
    return ClassificationTask(arrays, part, Iid(), parts)


def batched(made: ClassificationTask) -> Callable[[], None]:
    """All devices' local work through the engine's own strategy and stack size."""
    bound = made.bind(torch.device("cpu"), torch.float32)
    numerics = resolve("batched", "cpu", "float32", made)
    trainer = STRATEGIES[numerics.strategy](bound, 1)
    initial = bound.initial(1)
    start = Ref(b"", 0, None, initial)
    jobs = [Train(Leaf(0.05, BATCH), device, start, STEPS, 0) for device in range(DEVICES)]
    rows = stack_rows(made.dim, numerics)
    work = aligned(rows, (made.dim,), initial)

    def run() -> None:
        for first in range(0, DEVICES, rows):
            some = jobs[first : first + rows]
            work[: len(some)].copy_(initial.expand(len(some), -1))
            trainer.train(work[: len(some)], some, models=False)

    return run


def naive(made: ClassificationTask) -> Callable[[], None]:
    """What most published code does, on tensors that are ready: one module, loader and optimiser per device."""
    bound = made.bind(torch.device("cpu"), torch.float32)
    x, y = bound.gather(list(range(DEVICES)), np.tile(np.arange(STEPS * BATCH), (DEVICES, 1)))
    loaders = [
        DataLoader(TensorDataset(a, b), batch_size=BATCH, shuffle=True) for a, b in zip(x, y, strict=True)
    ]

    def run() -> None:
        for loader in loaders:
            module = made.model.build((1, 28, 28), 10)
            optimiser = torch.optim.SGD(module.parameters(), lr=0.05)
            for inputs, labels in loader:
                optimiser.zero_grad()
                torch.autograd.backward(torch.nn.functional.cross_entropy(module(inputs), labels))
                optimiser.step()

    return run


def steps_per_second(work: Callable[[], None], repeats: int = 5) -> float:
    """Median over repeats of process time, after one warm-up."""
    work()
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return DEVICES * STEPS / statistics.median(taken)


@pytest.mark.parametrize("model", ["logistic", "mlp", "lenet"])
def test_device_steps_per_cpu_second(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    made = task(model)
    ours, theirs = steps_per_second(batched(made)), steps_per_second(naive(made))
    with capsys.disabled():
        print(
            f"\n{model}: batched {ours:,.0f} steps/s, naive {theirs:,.0f} steps/s, ratio {ours / theirs:.2f}"
        )
    assert ours > 0.5 * theirs
