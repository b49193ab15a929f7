"""The benchmarks on a GPU: `python -m tests.bench.gpu` prints a markdown table, `--json FILE` keeps the numbers.

The same work as `make bench` does on a CPU, but wall time and more devices: a sequential loop over nn.Module,
DataLoader and torch.optim against the batched engine's strategies and precisions, and the compressors against a copy.
`--device cpu` with small numbers tries the script itself where there is no GPU.
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
"""Measurements of each; devices that the sequential loop trains, whose pace does not depend on their number."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    how: str
    precision: str
    value: float
    unit: str
    times: float
    """How many times the baseline of its kind: the sequential loop, or a copy."""


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where the device asked for is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--devices", type=int, default=500, help="federated devices")
    parser.add_argument("--steps", type=int, default=10, help="local steps of each")
    parser.add_argument("--models", nargs="+", choices=list(workload.MODELS), default=list(workload.MODELS))
    parser.add_argument("--json", help="file to write as well")
    asked = parser.parse_args(arguments)
    if asked.device == "cuda" and not torch.cuda.is_available():
        sys.stderr.write("torch sees no CUDA device here; --device cpu tries the script\n")
        return 1
    rows = [row for name in asked.models for row in training(name, asked.device, asked.devices, asked.steps)]
    rows += compression(asked.device, rows=64 if asked.device == "cuda" else 4)
    about = f"{_name(asked.device)}, torch {torch.__version__}, Python {platform.python_version()}"
    shown = [[r.what, r.how, r.precision, f"{r.value:,.4g} {r.unit}", f"{r.times:.2f}"] for r in rows]
    headings = ["what", "how", "precision", "median", "times the baseline"]
    print(
        f"{about}; {asked.devices} devices, {asked.steps} steps, batch {workload.BATCH}\n\n{table(headings, shown)}"
    )
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as file:
            json.dump({"about": about, "rows": [asdict(row) for row in rows]}, file, indent=2)
    return 0


def training(model: str, device: str, devices: int, steps: int) -> Iterator[Row]:
    """Device-steps per second of the loop, and of every strategy and precision that can train the model."""
    made, some = workload.build_task(model, devices), min(devices, LOOPED)
    unit = "device-steps/s"
    base = some * steps / _seconds(workload.naive(made, device, some, steps), device)
    yield Row(model, "sequential loop", "float32", base, unit, 1.0)
    precisions: tuple[Precision, ...] = (
        ("float32", "tf32", "bf16") if device == "cuda" else ("float32", "bf16")
    )
    for precision in precisions:
        for name in ("fused", f"vmap:{devices}", f"vmap:{max(1, devices // 4)}"):
            numerics = Numerics("batched", device, precision, name)
            try:
                work = workload.batched(made, with_strategy(numerics, name, made), steps)
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
    given = torch.randn(rows, dim, device=device)
    work, rng = torch.empty_like(given), KeyedRandom(np.arange(rows, dtype=np.uint64))
    size, rule = 4e-9 * rows * dim, Vote(0.01)
    base = size / _seconds(lambda: work.copy_(given), device)
    yield Row("compression", "copy", "float32", base, "GB/s", 1.0)
    codecs: dict[str, Compressor] = {
        "qsgd 4": Qsgd(4),
        "qsgd 4, elias": Qsgd(4, code="elias"),
        "sign": Sign(),
    }
    for name, codec in codecs.items():
        spent = _seconds(lambda codec=codec: codec.encode(work.copy_(given), rng), device)  # type: ignore[misc]
        pace = size / (spent - size / base)
        yield Row("compression", name, "float32", pace, "GB/s", pace / base)
    state = rule.begin(given[0])
    pace = size / _seconds(lambda: rule.add(state, given, [1.0] * rows), device)
    yield Row("compression", "majority vote", "float32", pace, "GB/s", pace / base)


def _seconds(work: Callable[[], object], device: str) -> float:
    """Median wall seconds after a warm-up, in which graphs are captured."""
    taken = []
    for turn in range(REPEATS + 1):
        begun = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        if turn:
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "CPU"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
