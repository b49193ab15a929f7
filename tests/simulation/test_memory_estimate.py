"""The memory estimate of a run against the peak that the operating system measures; the limits of a machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from learning.engine import resolve_numerics
from netsim.scenario import grow
from netsim.simulation.memory_estimate import MemoryEstimate, estimate_memory

PEAK = """
import pandas, numba, torch
from pathlib import Path
from netsim.simulation.run import execute
from tests.simulation.runs import recipe, scenario
from tests.simulation.test_memory_estimate import estimate

def status_bytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

execute(recipe("hier_local_qsgd", rounds=1), device="cpu")
scene = {scene}
before = status_bytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # resets the peak
execute(scene, device="cpu")
print(estimate(scene).total, status_bytes("VmHWM") - before)
"""
IMAGES = "{{dataset: {{npz: {{path: {path}}}}}, partition: iid, model: {model}}}"
PLAIN = "hier_favg: {learning_rate: 0.1, batch_size: 8, tau: [1, 1]}"
WITH_FEEDBACK = (
    "{leaf: {learning_rate: 0.1, batch_size: 8}, layers: [{tau: 1, up: {error_feedback: {inner: {top_k: 0.01}}}, "
    "rule: mean}, {tau: 1, up: none, rule: mean}]}"
)
WITH_DRIFT = (
    "{leaf: {learning_rate: 0.1, batch_size: 8}, layers: [{tau: 1, up: none, rule: mean, drift: true}, "
    "{tau: 1, up: none, rule: mean, drift: true}]}"
)
CODED = "hier_local_qsgd: {learning_rate: 0.1, batch_size: 8, tau: [1, 1], levels: [4, 4]}"

ELIAS = CODED.replace("levels: [4, 4]", "levels: [4, 4], code: elias")


def estimate(scene: object) -> MemoryEstimate:
    """The estimate of `netsim run` on a CPU."""
    from learning.tasks.task import describe_task
    from netsim.scenario import Scenario

    assert isinstance(scene, Scenario)
    topology = grow(scene)
    dim, _, shape = describe_task(scene.task.dataset, scene.task.model)
    numerics = resolve_numerics("batched", "cpu", scene.precision, TaskSizes(dim, len(topology.levels[0])))
    return estimate_memory(scene, topology, dim, shape, numerics)


class TaskSizes:
    architecture = "linear"

    def __init__(self, dim: int, devices: int) -> None:
        self.dim, self.devices = dim, devices


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of 6,000 random float32 images (19 MB), 1,000 of them test images."""
    noise, path = np.random.default_rng(0), tmp_path_factory.mktemp("data") / "pictures.npz"
    x, y = noise.random((6000, 28, 28), dtype=np.float32), np.arange(6000) % 10
    np.savez(path, x_train=x[1000:], y_train=y[1000:], x_test=x[:1000], y_test=y[:1000])
    return str(path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of resident memory from /proc")
@pytest.mark.parametrize(
    ("model", "fanout", "algorithm"),
    [
        ("logistic", [20, 50], PLAIN),
        pytest.param("{mlp: {hidden: [1500]}}", [12, 4], PLAIN, marks=pytest.mark.slow),
        ("{mlp: {hidden: [1500]}}", [12, 4], CODED),
        ("{mlp: {hidden: [1500]}}", [2, 20], WITH_FEEDBACK),
        ("{mlp: {hidden: [1500]}}", [2, 15], WITH_DRIFT),
        pytest.param("{mlp: {hidden: [1500]}}", [4, 8], ELIAS, marks=pytest.mark.slow),
        ("lenet", [4, 4], CODED),
        pytest.param("mcmahan_cnn", [5, 1], PLAIN, marks=pytest.mark.slow),
    ],
)
def test_the_memory_estimate_is_within_a_factor_of_two(
    model: str, fanout: list[int], algorithm: str, images: str
) -> None:
    task = IMAGES.format(path=images, model=model)
    scene = f"scenario({fanout}, {algorithm!r}, rounds=2, task={task!r})"
    done = subprocess.run(
        [sys.executable, "-c", PEAK.format(scene=scene)], capture_output=True, text=True, check=True
    )
    estimated, measured = map(int, done.stdout.split())
    assert measured / 2 < estimated < 2 * measured


def test_a_run_that_exceeds_the_memory_is_refused_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from netsim.cli.exit_codes import InputError
    from netsim.cli.run_command import run_command

    monkeypatch.setattr("netsim.cli.run_preparation.machine_bytes", lambda: 400_000)
    with pytest.raises(
        InputError, match="the run would need about .* and this machine has 0 MB; take a smaller"
    ):
        run_command("quickstart", [], "batched", "cpu", tmp_path, None, False, None)
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_memory_limit_of_a_container_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from learning import host_memory

    unlimited = host_memory.memory_bytes()
    (tmp_path / "limit").write_text("123456789\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(host_memory, "CGROUPS", (tmp_path / "none", tmp_path / "absent"))
    assert host_memory.memory_bytes() >= unlimited
    monkeypatch.setattr(host_memory, "CGROUPS", (tmp_path / "none", tmp_path / "limit"))
    assert host_memory.memory_bytes() == 123456789
