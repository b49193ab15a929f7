"""Assembly of the result of a run: tables as data frames, manifest, digest."""

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
from netsim.protocol.trace import ENERGY_COLUMNS, Trace
from netsim.results.result import Result
from netsim.results.table_buffer import Rows
from netsim.scenario import Scenario, digest, resolved
from netsim.scenario.citations import citing_parts_by_label


class HostClock:
    """Host time since the begin of a run; for the manifest only, never for a table."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._tick = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Host seconds since the begin."""
        return time.perf_counter() - self._tick


def run_digest(scenario: Scenario, task: Task, numerics: Numerics) -> str:
    """Return the digest of a run: of its scenario, data and numerics, as 16 hexadecimal digits."""
    content = f"{digest(scenario)}|{task.fingerprint}|{numerics.tag}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def assemble_result(
    scenario: Scenario, numerics: Numerics, task: Task, trace: Trace, stopped_by: str, host: HostClock
) -> Result:
    """Return the result of a run from its trace. Tables do not depend on the speed of the host."""
    rounds = pd.DataFrame(trace.rounds)
    manifest: dict[str, Any] = {
        "name": scenario.name,
        "digest": run_digest(scenario, task, numerics),
        "scenario_digest": digest(scenario),
        "algorithm": {"name": scenario.recipe, "tau": list(scenario.layered_algorithm.taus)},
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
        "references": citing_parts_by_label(scenario),
        "versions": versions(),
        "started": host.started.isoformat(timespec="seconds"),
        "host_time_s": round(host.seconds, 3),
    }
    return Result(
        scenario_text=resolved(scenario),
        rounds=rounds,
        messages=to_data_frame(trace.messages),
        nodes=to_data_frame(trace.nodes),
        manifest=manifest,
        events=to_data_frame(trace.events) if len(trace.events) else None,
    )


def to_data_frame(rows: Rows) -> pd.DataFrame:
    """Return the rows as a data frame; without rows, an empty one with the columns of every run."""
    if not len(rows):
        return pd.DataFrame(columns=[name for name in rows.columns if name not in ENERGY_COLUMNS])
    return pd.DataFrame({name: rows.column(name) for name in rows.columns})


def energy_totals(trace: Trace) -> dict[str, float]:
    """Return the energy of the run in joules, an unfinished round included; empty without a section `energy`."""
    if trace.meter is None:
        return {}
    spent = trace.meter.closed_j
    return {"energy_j": spent.total_j, **{f"energy_{name}": value for name, value in asdict(spent).items()}}


def device_name(numerics: Numerics) -> str:
    """Return the device class, and the name of the GPU."""
    if numerics.device != "cuda":
        return numerics.device
    import torch

    return f"cuda ({torch.cuda.get_device_name()})"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that affect numbers."""
    versions_by_name = {"python": platform.python_version()}
    for name in ("netsim-hfl", "torch", "numpy", "simpy", "numba"):
        try:
            versions_by_name[name] = version(name)
        except PackageNotFoundError:
            versions_by_name[name] = "absent"
    return versions_by_name
