"""How the benchmarks measure: process time, medians, everything that is compared in one process and in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Work = Callable[[], object]
SIDE = 1536
"""Of the matrices whose product is the machine's peak."""


def medians_s(works: Mapping[str, Work], repeats: int = 5) -> dict[str, float]:
    """Median seconds of processor time of each work, after a warm-up, the works taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            begun = time.process_time()
            work()
            if turn:
                taken[name].append(time.process_time() - begun)
    return {name: statistics.median(spent) for name, spent in taken.items()}


def peak_flops_per_s() -> float:
    """What one thread reaches in a product of large float32 matrices, right now: the best of ten."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    best = float("inf")
    for _ in range(10):
        begun = time.process_time()
        torch.mm(a, b, out=out)
        best = min(best, time.process_time() - begun)
    return 2.0 * SIDE**3 / best


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A markdown table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in [headings, ["---"] * len(headings), *rows]]
    return "\n".join(lines)
