"""Measurement: medians of process time; compared work runs alternately in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Work = Callable[[], object]
SIDE = 1536
"""Size of the matrices of the peak measurement."""


def medians_s(works: Mapping[str, Work], repeats: int = 5) -> dict[str, float]:
    """Median seconds of processor time of each work, after a warm-up; the works run alternately."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start_s = time.process_time()
            work()
            if turn:
                taken[name].append(time.process_time() - start_s)
    return {name: statistics.median(spent) for name, spent in taken.items()}


def peak_flops_per_s() -> float:
    """FLOP/s of one thread in a product of large float32 matrices: the best of ten."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    best = float("inf")
    for _ in range(10):
        start_s = time.process_time()
        torch.mm(a, b, out=out)
        best = min(best, time.process_time() - start_s)
    return 2.0 * SIDE**3 / best


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in [headings, ["---"] * len(headings), *rows]]
    return "\n".join(lines)
