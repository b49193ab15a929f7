"""The GPU benchmark script, run with small numbers on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import REPOSITORY

SCRIPT = [sys.executable, "-m", "tests.bench.gpu"]


def test_the_script_runs_on_a_cpu(tmp_path: Path) -> None:
    small = ["--device", "cpu", "--devices", "4", "--steps", "2", "--models", "logistic", "lenet"]
    kept = tmp_path / "gpu.json"
    done = subprocess.run(
        [*SCRIPT, *small, "--json", str(kept)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    rows = json.loads(kept.read_text())["rows"]
    ways = {(row["work"], row["variant"], row["precision"]) for row in rows}
    assert {("logistic", "sequential loop", "float32"), ("logistic", "fused", "float32")} <= ways
    assert {
        ("lenet", "vmap:4", "float32"),
        ("lenet", "vmap:1", "bf16"),
        ("compression", "sign", "float32"),
    } <= ways
    assert ("lenet", "fused", "float32") not in ways
    assert all(row["value"] > 0 for row in rows)
    assert len([line for line in done.stdout.splitlines() if line.startswith("| ")]) == len(rows) + 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_script_prints_an_error() -> None:
    done = subprocess.run(SCRIPT, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "torch sees no CUDA device here; --device cpu tries the script\n"
