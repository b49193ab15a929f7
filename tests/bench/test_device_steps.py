"""Device-steps per second of processor time: naive loop, eager and batched engine, and the bound of the FLOPs.

Run by `make bench`: one process and one thread, medians, compared work runs alternately. The targets are printed beside
the results; the assertion is only that the engine is no slower than half of a naive loop.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from learning.engine import trainers
from learning.engine.fused_trainer import FusedTrainer
from learning.engine.im2col_trainer import Im2colTrainer
from learning.engine.numerics import resolve_numerics
from netsim.scenario import load_text
from netsim.simulation.run import execute
from tests.bench.timers import medians_s, peak_flops_per_s, table
from tests.bench.workload import BATCH, DEVICES, PERIODS, STEPS, batched, build_task, eager, naive, scene

pytestmark = pytest.mark.bench

TARGETS = {"logistic": (8.0, 8.0), "mlp": (2.5, 2.0), "lenet": (1.8, 4.5)}
"""Minimum ratio to a naive loop; maximum ratio to the time of the FLOP bound."""
WIDE = (0.95, float("inf"))


@pytest.mark.parametrize("model", ["logistic", "mlp", "lenet", "cifar_cnn", "mcmahan_cnn", "resnet8"])
def test_device_steps_per_cpu_second(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    count = DEVICES if model in TARGETS else 10
    task = build_task(model, count)
    numerics = resolve_numerics("batched", "cpu", "float32", task)
    works = {"naive": naive(task), "eager": eager(task), "batched": batched(task, numerics)}
    spent = medians_s(works, 5 if model in TARGETS else 3)
    pace = {name: count * STEPS / seconds for name, seconds in spent.items()}
    peak = peak_flops_per_s()
    bound_s = task.flops_per_sample * BATCH * count * STEPS / peak
    ratio, above = pace["batched"] / pace["naive"], spent["batched"] / bound_s
    least, most = TARGETS.get(model, WIDE)
    cells = [f"{pace[name]:,.0f}" for name in works]
    row = [model, numerics.strategy, *cells, f"{ratio:.2f} (>= {least})", f"{above:.2f} (<= {most})"]
    headings = ["model", "strategy", *works, "batched / naive", "time / FLOP bound"]
    with capsys.disabled():
        print(f"\nsgemm peak {peak / 1e9:.0f} GFLOP/s\n{table(headings, [row])}")
    assert ratio > 0.5


@pytest.mark.parametrize("model", ["logistic", "mlp", "lenet"])
@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_share_of_a_round_outside_training(
    model: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Network, compression with exact coded lengths, aggregation and bookkeeping: at most 12 % for mlp and lenet."""
    torch.set_num_threads(1)
    training, marks = [0.0], list[tuple[float, float]]()
    for trainer in (FusedTrainer, Im2colTrainer, trainers.LoopTrainer):
        _clocked(trainer, training, monkeypatch)
    run = load_text(scene(model, tmp_path, rounds=8, code=code), "bench.yaml")
    execute(run, device="cpu", on_round=lambda row: marks.append((time.process_time(), training[0])))
    rounds = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks[1:-1])]
    whole, inner = (statistics.median(values) for values in zip(*rounds, strict=True))
    other = 1 - inner / whole
    with capsys.disabled():
        print(
            f"\n{model}, code {code}: {DEVICES * STEPS * PERIODS / whole:,.0f} device-steps/s end to end, "
            f"{100 * other:.1f} % of a round beside training"
        )
    assert other < 0.6


def _clocked(trainer: type, training: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    real = trainer.train  # type: ignore[attr-defined]

    def train(*arguments: object) -> None:
        start_s = time.process_time()
        real(*arguments)
        training[0] += time.process_time() - start_s

    monkeypatch.setattr(trainer, "train", train)
