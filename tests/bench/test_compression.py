"""Gigabytes of float32 input per second of processor time: every compressor and the vote, against a copy.

Two sizes: a stack of LeNets that stays in a processor's cache, and 51 MB that do not. By pytest-benchmark.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from learning.aggregation.rules import Vote
from learning.compressors import Compressor, Plain, Qsgd, RandK, Sign, TopK
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = [pytest.mark.bench, pytest.mark.benchmark(timer=time.process_time, disable_gc=True)]

SIZES = {"cached": (32, 21_840), "in memory": (32, 400_000)}
CODECS: dict[str, Compressor] = {
    "bf16": Plain("bf16"),
    "qsgd 4, bucket 512, fixed": Qsgd(4),
    "qsgd 4, bucket 512, elias": Qsgd(4, code="elias"),
    "qsgd 16, bucket 512, elias": Qsgd(16, code="elias"),
    "qsgd 64, bucket 512, elias": Qsgd(64, code="elias"),
    "qsgd 4, one bucket, elias": Qsgd(4, None, "elias"),
    "qsgd 255, bucket 64, elias": Qsgd(255, 64, "elias"),
    "sign": Sign(),
    "top_k 1 %": TopK(0.01),
    "rand_k 1 %": RandK(0.01),
}
TARGETS = {"qsgd": 2.5, "vote": 50.0}

sizes = pytest.mark.parametrize("size", SIZES)


def print_speed(
    name: str, size: str, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> float:
    """Print and return the median speed in GB/s, and add it to the results of pytest-benchmark."""
    rows, dim = SIZES[size]
    pace = 4e-9 * rows * dim / benchmark.stats.stats.median
    benchmark.extra_info["GB/s"] = round(pace, 2)
    target = next((f" (target {value})" for word, value in TARGETS.items() if word in name), "")
    with capsys.disabled():
        print(f"\n{name}, {size}: {pace:.2f} GB/s{target}")
    return pace


@sizes
def test_speed_of_a_copy(size: str, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    rows, out = torch.randn(SIZES[size]), torch.empty(SIZES[size])
    benchmark.pedantic(lambda: out.copy_(rows), rounds=30, warmup_rounds=2)
    assert print_speed("copy", size, benchmark, capsys) > 0.5


@sizes
@pytest.mark.parametrize("name", CODECS)
def test_speed_of_a_compressor(
    name: str, size: str, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    rows, work = torch.randn(SIZES[size]), torch.empty(SIZES[size])
    rng = KeyedRandom(np.arange(len(rows), dtype=np.uint64))

    def fresh() -> tuple[tuple[torch.Tensor, KeyedRandom], dict[str, object]]:
        return (work.copy_(rows), rng), {}

    benchmark.pedantic(CODECS[name].encode, setup=fresh, rounds=15, warmup_rounds=1)
    assert print_speed(name, size, benchmark, capsys) > 0.001


@sizes
def test_speed_of_the_majority_vote(
    size: str, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    rows, rule = torch.randn(SIZES[size]).sign(), Vote(0.01)
    state = rule.begin(rows[0])
    benchmark.pedantic(lambda: rule.add(state, rows, [1.0] * len(rows)), rounds=30, warmup_rounds=2)
    assert print_speed("majority vote", size, benchmark, capsys) > 1.0
