"""A sweep on a real Ray cluster: two nodes on this machine, each with its own scheduler and workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="Ray's test cluster is tried on Linux alone"),
]
SMALL = ("stop.rounds=2", "task.model=logistic")

CLUSTER = """
import socket, sys
from ray.cluster_utils import Cluster
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
head = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False, "ray_client_server_port": port}
cluster = Cluster(initialize_head=True, head_node_args=head)
cluster.add_node(num_cpus=1, num_gpus=1)
cluster.wait_for_nodes()
print(cluster.address, f"ray://127.0.0.1:{port}", flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    """Both addresses of two nodes with one processor each; the second declares a GPU that is not used."""
    pytest.importorskip("ray", reason="Ray is absent: pip install '.[ray]'")
    process_of_cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process_of_cluster.stdout is not None
    yield process_of_cluster.stdout.readline().split()
    process_of_cluster.communicate("", timeout=60)


@pytest.fixture
def address(addresses: list[str]) -> str:
    """The address of the cluster."""
    return addresses[0]


def environment() -> dict[str, str]:
    """Environment in which workers import netsim from this repository."""
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}


def sweep(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netsim", "sweep", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment(), check=False)


def table(folder: Path) -> pd.DataFrame:
    (path,) = folder.glob("*-sweep/points.parquet")
    return pd.read_parquet(path)


@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_a_cluster_gives_the_table_of_one_process(code: str, address: str, tmp_path: Path) -> None:
    arguments = ("quickstart", *SMALL, f"algorithm.qmlhfl.code={code}")
    done = sweep(*arguments, "--engine", "ray", "--address", address, "--out", "there", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(": trained") == 3
    assert done.stderr.count(": re-timed") == 6
    assert sweep(*arguments, "--out", "here", cwd=tmp_path).returncode == 0
    pd.testing.assert_frame_equal(table(tmp_path / "there"), table(tmp_path / "here"))


def test_a_ray_client_address_is_accepted(addresses: list[str], tmp_path: Path) -> None:
    done = sweep("quickstart", *SMALL, "--engine", "ray", "--address", addresses[1], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 of 9 points" in done.stdout


def test_an_interrupted_sweep_exits_with_130_and_resumes(address: str, tmp_path: Path) -> None:
    arguments = (
        "quickstart",
        "stop.rounds=4",
        "algorithm.qmlhfl.tau=[20, 2, 2]",
        "--engine",
        "ray",
        "--address",
        address,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "netsim", "sweep", *arguments],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    with process:
        for line in process.stderr or ():
            if line.startswith("point 1/"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    repeated = sweep(*arguments, cwd=tmp_path)
    assert repeated.returncode == 0, repeated.stderr
    assert ": kept" in repeated.stderr


def test_both_nodes_run_points(address: str, tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(PARTITIONS)
    (tmp_path / "mine.yaml").write_text((REPOSITORY / "scenarios" / "quickstart.yaml").read_text())
    arguments = ("mine.yaml", *SMALL, 'sweep={"task.partition": ["lab:RecordingPartition"], seeds: 6}')
    done = sweep(*arguments, "--engine", "ray", "--address", address, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(set((tmp_path / "signs").read_text().split())) == 2


def test_a_point_whose_worker_is_killed_is_repeated(address: str, tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(PARTITIONS)
    arguments = ("quickstart", *SMALL, 'sweep={"task.partition": [iid, "lab:KilledOnce"]}')
    done = sweep(*arguments, "--engine", "ray", "--address", address, "--retries", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed").is_file()
    assert "2 of 2 points" in done.stdout


def test_a_point_that_kills_every_worker_fails_and_the_others_complete(address: str, tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(PARTITIONS)
    arguments = ("quickstart", *SMALL, 'sweep={"task.partition": [iid, "lab:Killed"]}')
    done = sweep(*arguments, "--engine", "ray", "--address", address, "--retries", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 of 2 points" in done.stdout
    assert "its worker was lost, also when repeated" in done.stderr
    assert "Traceback" not in done.stderr


def test_points_share_a_gpu_by_fractions(address: str, tmp_path: Path) -> None:
    (tmp_path / "lab.py").write_text(PARTITIONS)
    arguments = (
        "quickstart",
        *SMALL,
        "--device",
        "cpu",
        'sweep={"task.partition": ["lab:RecordingPartition"], seeds: 2}',
    )
    resources = ("--cpus-per-task", "0.25", "--gpus-per-task", "0.25")
    done = sweep(*arguments, "--engine", "ray", "--address", address, *resources, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(set((tmp_path / "signs").read_text().split())) == 1  # the node with a GPU


def test_unavailable_resources_are_refused_at_once(address: str, tmp_path: Path) -> None:
    done = sweep("quickstart", "--engine", "ray", "--address", address, "--gpus-per-task", "2", cwd=tmp_path)
    assert done.returncode == 1
    assert "a point asks for 1 CPUs and 2 GPUs, and no node has them" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_cluster_gives_one_error_line(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is absent: pip install '.[ray]'")
    done = sweep("quickstart", "--engine", "ray", "--address", "127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 1
    assert "no Ray cluster at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


PARTITIONS = '''
"""Partitions that record the node of the calling process, or kill that process."""
import os, signal
from dataclasses import dataclass
from pathlib import Path

from learning.partitions.partitions import Iid

HERE = Path(__file__).parent


@dataclass(frozen=True)
class RecordingPartition:
    def split(self, labels, groups, seed):
        import ray

        with (HERE / "signs").open("a") as file:
            file.write(ray.get_runtime_context().get_node_id() + "\\n")
        return Iid().split(labels, groups, seed)


@dataclass(frozen=True)
class KilledOnce:
    def split(self, labels, groups, seed):
        if not (HERE / "killed").exists():
            (HERE / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Iid().split(labels, groups, seed)


@dataclass(frozen=True)
class Killed:
    def split(self, labels, groups, seed):
        os.kill(os.getpid(), signal.SIGKILL)
'''
