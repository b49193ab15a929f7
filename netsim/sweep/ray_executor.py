"""Executor on a Ray cluster: jobs run on nodes with free processors and GPUs."""

from __future__ import annotations

import importlib
import os
import socket
from typing import Any

from netsim.sweep.executors import Job, JobResult, WorkerLostError

SHARED_VARIABLES = ("NETSIM_DATA", "NETSIM_CACHE")
"""Environment variables that are passed to workers on other nodes."""

CONNECT_TIMEOUT_S = 10.0

POLL_INTERVAL_S = 1.0
"""Seconds to wait for a job before checking for interrupts."""


class ClusterError(ValueError):
    """Ray is not installed, its cluster cannot be reached, or no node has the resources of a job."""


class RayExecutor:
    """Jobs as Ray tasks, each with its share of processors and GPUs.

    A task whose worker or node dies is repeated up to `retries` times; an error that a job raises is its result.
    `address`: `auto`, `host:port` or `ray://host:port`; None for RAY_ADDRESS, else a cluster on this machine. Every
    node needs netsim and, where the sweep writes, the same folder. Raises ClusterError.
    """

    def __init__(
        self, address: str | None = None, cpus: float = 1.0, gpus: float = 0.0, retries: int = 2
    ) -> None:
        self._ray = _ray()
        self._under_way: dict[Any, int] = {}
        self._began = not self._ray.is_initialized()
        if self._began:
            self._connect(address)
        self._check(cpus, gpus)
        how = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": retries, "retry_exceptions": False}
        self._task = self._ray.remote(run_job).options(**how)

    def put(self, tag: int, job: Job) -> None:
        """See `Executor`."""
        self._under_way[self._task.remote(job)] = tag

    def take(self) -> JobResult:
        """See `Executor`."""
        if not self._under_way:
            raise IndexError("no job is under way")
        ready: list[Any] = []
        while not ready:
            ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=POLL_INTERVAL_S)
        tag = self._under_way.pop(ready[0])
        try:
            return JobResult(tag, self._ray.get(ready[0]), None)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            return JobResult(
                tag, None, cause if isinstance(cause, Exception) else WorkerLostError(str(error))
            )
        except self._ray.exceptions.RayError as error:
            text = str(error).strip().splitlines() or [type(error).__name__]
            return JobResult(
                tag, None, WorkerLostError(f"its worker was lost, also when repeated: {text[0]}")
            )

    def close(self) -> None:
        """See `Executor`."""
        for reference in self._under_way:
            self._ray.cancel(reference, force=True)
        self._under_way.clear()
        if self._began:
            self._ray.shutdown()

    def _connect(self, address: str | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _check_reachable(address)
        carried = {name: os.environ[name] for name in SHARED_VARIABLES if name in os.environ}
        environment = {"env_vars": {"OMP_NUM_THREADS": "1", **carried}}
        try:
            self._ray.init(
                address=address, log_to_driver=False, logging_level="error", runtime_env=environment
            )
        except Exception as error:  # Ray has no common error for what keeps it from a cluster
            raise _absent(address or "this machine", error) from None

    def _check(self, cpus: float, gpus: float) -> None:
        """A task that no node can take would wait for ever."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
            most = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
            self.close()
            raise ClusterError(
                f"a point asks for {cpus:g} CPUs and {gpus:g} GPUs, and no node has them (nodes: {most}); "
                "lower --cpus-per-task or --gpus-per-task"
            )


def run_job(job: Job) -> Any:
    """What a worker runs."""
    return job()


def _check_reachable(address: str | None) -> None:
    """Whether anybody listens at a `host:port`: Ray itself would try for minutes. Raises ClusterError."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_S).close()
        except (OSError, OverflowError) as error:
            raise _absent(str(address), error) from None


def _absent(address: str, error: Exception) -> ClusterError:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ClusterError(
        f"no Ray cluster at {address}: {text}; begin one with `ray start --head`, or leave --address out"
    )


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise ClusterError(
            "Ray is not installed here; in netsim's folder `pip install -e '.[ray]'`, or use --engine local"
        ) from None
