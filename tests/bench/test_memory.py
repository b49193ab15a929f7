"""Peak memory against the number of devices, each run in a new process: there is no model per device.

Read from /proc, since `getrusage` in a child begins with its parent's peak.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bench.timers import table

pytestmark = pytest.mark.bench

DEVICES = (100, 1_000, 10_000)
PARAMETERS = 65 * 104 + 105 * 10
RUN = """
import pandas, numba, torch
from pathlib import Path
from netsim.scenario import load_text
from netsim.simulation.run import execute

def status_mb(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024

torch.set_num_threads(1)
before = status_mb("VmRSS")
execute(load_text({scene!r}, "memory.yaml"), engine={engine!r}, device="cpu")
print(status_mb("VmHWM") - before)
"""
SCENE = """
name: memory
task: {{dataset: {{npz: {{path: {path}}}}}, partition: iid, model: {{mlp: {{hidden: [104]}}}}}}
topology: {{fanout: [{edges}, 50]}}
devices: {{compute: {{flops: {{rate: 2 GFLOP/s, efficiency: 0.2}}}}}}
algorithm: {{qmlhfl: {{learning_rate: 0.05, batch_size: 8, tau: [2, 1], levels: [4, 8]}}}}
network:
  - wired: {{rate: 10 Mbit/s, latency: 3 ms}}
  - wired: {{rate: 10 Mbit/s, latency: 3 ms}}
stop: {{rounds: 2}}
"""


def peak_increase_mb(devices: int, engine: str, path: Path) -> int:
    """Peak memory of a run in MB beyond that of Python and its libraries."""
    code = RUN.format(scene=SCENE.format(path=path, edges=devices // 50), engine=engine)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of resident memory from /proc")
def test_memory_does_not_grow_by_a_model_per_device(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "noise.npz"
    x, y = rng.integers(0, 256, (10_000, 8, 8), dtype=np.uint8), np.arange(10_000) % 10
    np.savez(path, x_train=x, y_train=y, x_test=x[:100], y_test=y[:100])
    found = {
        (devices, engine): peak_increase_mb(devices, engine, path)
        for devices in DEVICES
        for engine in ("timing", "batched")
    }
    rows = [
        [f"{n:,}", f"{found[n, 'timing']}", f"{found[n, 'batched']}", f"{4e-6 * n * PARAMETERS:.0f}"]
        for n in DEVICES
    ]
    headings = ["devices", "timing engine, MB", "batched engine, MB", "one model per device would be, MB"]
    with capsys.disabled():
        print("\n" + table(headings, rows))
    grown = found[10_000, "batched"] - found[100, "batched"]
    timeline = found[10_000, "timing"] - found[100, "timing"]
    assert grown - timeline < 0.2 * 4e-6 * 10_000 * PARAMETERS
