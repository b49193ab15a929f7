"""Closing the books of a run: its tables as data frames, its manifest, its name."""

from __future__ import annotations

import hashlib
import platform
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from learning.engine import Numerics
from learning.tasks.task import Task
from netsim.protocol.trace import SPENT, Trace
from netsim.results.result import Result
from netsim.results.table_buffer import Rows
from netsim.scenario import Scenario, digest, resolved
from netsim.scenario.citations import users


class HostClock:
    """When the run began on this host: for the manifest alone, never for a table."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._tick = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Host seconds since."""
        return time.perf_counter() - self._tick


def run_digest(scenario: Scenario, task: Task, numerics: Numerics) -> str:
    """The run's name: what the scenario says, the data it found and the numerics it used, 16 hex digits."""
    content = f"{digest(scenario)}|{task.fingerprint}|{numerics.tag}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def close_books(
    scenario: Scenario, numerics: Numerics, task: Task, trace: Trace, stopped_by: str, host: HostClock
) -> Result:
    """The Result of a run from its trace. Nothing about the host's speed enters a table."""
    rounds = pd.DataFrame(trace.rounds)
    manifest: dict[str, Any] = {
        "name": scenario.name,
        "digest": run_digest(scenario, task, numerics),
        "scenario_digest": digest(scenario),
        "algorithm": {"name": scenario.recipe, "tau": list(scenario.ladder.taus)},
        "stopped_by": stopped_by,
        "rounds": int(rounds["round"].iloc[-1]),
        "sim_time_s": float(rounds["sim_time_s"].iloc[-1]),
        "totals": {**trace.totals, **energy_totals(trace)},
        "task": {"description": task.description, "provenance": task.provenance, "parameters": task.dim},
        "numerics": {
            "engine": numerics.engine,
            "device": device_name(numerics),
            "precision": numerics.precision,
            "strategy": numerics.strategy,
        },
        "references": users(scenario),
        "versions": versions(),
        "started": host.started.isoformat(timespec="seconds"),
        "host_time_s": round(host.seconds, 3),
    }
    return Result(
        scenario_text=resolved(scenario),
        rounds=rounds,
        messages=frame(trace.messages),
        nodes=frame(trace.nodes),
        manifest=manifest,
        events=frame(trace.events) if len(trace.events) else None,
    )


def frame(rows: Rows) -> pd.DataFrame:
    """The rows as a data frame; without any, the columns every run has."""
    if not len(rows):
        return pd.DataFrame(columns=[name for name in rows.columns if name not in SPENT])
    return pd.DataFrame({name: rows.column(name) for name in rows.columns})


def energy_totals(trace: Trace) -> dict[str, float]:
    """Joules of the whole run, an unfinished round included; nothing where nobody counted."""
    if trace.meter is None:
        return {}
    spent = trace.meter.closed_j
    return {"energy_j": spent.total_j, **{f"energy_{name}": value for name, value in asdict(spent).items()}}


def device_name(numerics: Numerics) -> str:
    """The device class, with the GPU's own name."""
    if numerics.device != "cuda":
        return numerics.device
    import torch

    return f"cuda ({torch.cuda.get_device_name()})"


def versions() -> dict[str, str]:
    """Python and the libraries that decide numbers."""
    found = {"python": platform.python_version()}
    for name in ("netsim-hfl", "torch", "numpy", "simpy", "numba"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
