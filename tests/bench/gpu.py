"""Benchmarks on a GPU: `python -m tests.bench.gpu` prints a markdown table, `--json FILE` writes the numbers.

The work of `make bench` on a CPU, with wall time and more devices: a sequential loop over nn.Module,
DataLoader and torch.optim against the batched engine's strategies and precisions, and the compressors against a copy.
`--device cpu` with small numbers tests the script without a GPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch

from learning.aggregation.rules import Vote
from learning.compressors import Compressor, Qsgd, Sign
from learning.engine.numerics import Numerics, Precision, StrategyError, with_strategy
from learning.rng.keyed import KeyedRandom
from tests.bench import workload
from tests.bench.timers import table

REPEATS, LOOPED = 3, 20
"""Number of measurements; number of devices in the sequential loop, whose speed does not depend on it."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    variant: str
    precision: str
    value: float
    unit: str
    times: float
    """Ratio to the baseline: the sequential loop, or a copy."""


def main(arguments: list[str]) -> int:
    """Measure and print; returns 1 if the requested device is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--devices", type=int, default=500, help="federated devices")
    parser.add_argument("--steps", type=int, default=10, help="local steps of each")
    parser.add_argument("--models", nargs="+", choices=list(workload.MODELS), default=list(workload.MODELS))
    parser.add_argument("--json", help="file to write as well")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.stderr.write("torch sees no CUDA device here; --device cpu tries the script\n")
        return 1
    rows = [
        row
        for name in options.models
        for row in training(name, options.device, options.devices, options.steps)
    ]
    rows += compression(options.device, rows=64 if options.device == "cuda" else 4)
    about = f"{_name(options.device)}, torch {torch.__version__}, Python {platform.python_version()}"
    cells = [[r.work, r.variant, r.precision, f"{r.value:,.4g} {r.unit}", f"{r.times:.2f}"] for r in rows]
    headings = ["what", "how", "precision", "median", "times the baseline"]
    print(
        f"{about}; {options.devices} devices, {options.steps} steps, batch {workload.BATCH}\n\n{table(headings, cells)}"
    )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "rows": [asdict(row) for row in rows]}, file, indent=2)
    return 0


def training(model: str, device: str, devices: int, steps: int) -> Iterator[Row]:
    """Device-steps per second of the loop and of every strategy and precision that can train the model."""
    task, looped_devices = workload.build_task(model, devices), min(devices, LOOPED)
    unit = "device-steps/s"
    base = looped_devices * steps / _seconds(workload.naive(task, device, looped_devices, steps), device)
    yield Row(model, "sequential loop", "float32", base, unit, 1.0)
    precisions: tuple[Precision, ...] = (
        ("float32", "tf32", "bf16") if device == "cuda" else ("float32", "bf16")
    )
    for precision in precisions:
        for name in ("fused", f"vmap:{devices}", f"vmap:{max(1, devices // 4)}"):
            numerics = Numerics("batched", device, precision, name)
            try:
                work = workload.batched(task, with_strategy(numerics, name, task), steps)
            except StrategyError:
                continue
            try:
                pace = devices * steps / _seconds(work, device)
            except torch.cuda.OutOfMemoryError:
                sys.stderr.write(f"{model}, {name}, {precision}: out of memory\n")
                continue
            yield Row(model, name, precision, pace, unit, pace / base)


def compression(device: str, rows: int, dim: int = 400_000) -> Iterator[Row]:
    """GB/s of float32 input."""
    data = torch.randn(rows, dim, device=device)
    work, rng = torch.empty_like(data), KeyedRandom(np.arange(rows, dtype=np.uint64))
    size, rule = 4e-9 * rows * dim, Vote(0.01)
    base = size / _seconds(lambda: work.copy_(data), device)
    yield Row("compression", "copy", "float32", base, "GB/s", 1.0)
    codecs: dict[str, Compressor] = {
        "qsgd 4": Qsgd(4),
        "qsgd 4, elias": Qsgd(4, code="elias"),
        "sign": Sign(),
    }
    for name, codec in codecs.items():
        spent = _seconds(lambda codec=codec: codec.encode(work.copy_(data), rng), device)  # type: ignore[misc]
        pace = size / (spent - size / base)
        yield Row("compression", name, "float32", pace, "GB/s", pace / base)
    state = rule.begin(data[0])
    pace = size / _seconds(lambda: rule.add(state, data, [1.0] * rows), device)
    yield Row("compression", "majority vote", "float32", pace, "GB/s", pace / base)


def _seconds(work: Callable[[], object], device: str) -> float:
    """Median wall seconds after a warm-up, in which graphs are captured."""
    seconds = []
    for turn in range(REPEATS + 1):
        start_s = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        if turn:
            seconds.append(time.perf_counter() - start_s)
    return statistics.median(seconds)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
