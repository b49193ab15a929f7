"""Index of the runs and sweeps in a folder of results, read from manifests and accuracy columns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsim.dashboard.address import NAME_PATTERN, RUN_KEY, is_inside
from netsim.results.run_folder import ResultError, read_manifest, require_file

MAX_ROWS = 500
"""Maximum number of runs on the page; others are found with the filter."""


@dataclass(frozen=True)
class RunEntry:
    """A run in the list; unknown values are None."""

    key: str
    """`name/digest`."""
    status: str
    algorithm: str | None = None
    tau: tuple[int, ...] = ()
    rounds: int | None = None
    accuracy: float | None = None
    sim_time_s: float | None = None
    bits: int | None = None
    energy_j: float | None = None
    started: str = ""
    scenario: str | None = None
    """Digest of its scenario."""

    @property
    def search_text(self) -> str:
        """The text that the filter searches."""
        return f"{self.key} {self.algorithm or ''} {self.status}".lower()


def list_runs(folder: Path, words: str = "") -> list[RunEntry]:
    """The runs inside `folder` whose search text contains all words, the latest first."""
    wanted = words.lower().split()
    entries = [entry for entry in _entries(folder) if all(word in entry.search_text for word in wanted)]
    return sorted(entries, key=lambda entry: entry.started, reverse=True)


def list_sweeps(folder: Path) -> list[str]:
    """The names of the sweeps inside `folder`."""
    tables = sorted(folder.glob("*-sweep/points.parquet"))
    return [p.parent.name for p in tables if NAME_PATTERN.fullmatch(p.parent.name) and is_inside(folder, p)]


def find_finished(folder: Path, name: str, scenario: str) -> RunEntry | None:
    """The latest finished run of a scenario, by the scenario's digest; None without one."""
    finished = [entry for entry in _entries(folder, name) if entry.scenario == scenario]
    return max(finished, key=lambda entry: entry.started, default=None)


def _entries(folder: Path, name: str = "*") -> Iterator[RunEntry]:
    for manifest in folder.glob(f"{name}/*/manifest.json"):
        run = manifest.parent
        key = f"{run.parent.name}/{run.name}"
        if RUN_KEY.fullmatch(key) and is_inside(folder, run):
            yield _entry(run, key, manifest)


def _entry(run: Path, key: str, manifest: Path) -> RunEntry:
    """The entry of a run; cached until its manifest changes."""
    try:
        changed_ns = manifest.stat().st_mtime_ns
        if _cache.get(run, (0, None))[0] != changed_ns:
            _cache[run] = changed_ns, _read(run, key, read_manifest(run))
        return _cache[run][1]
    except (ResultError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return RunEntry(key, "damaged")


def _read(run: Path, key: str, manifest: dict[str, Any]) -> RunEntry:
    totals, algorithm = manifest.get("totals", {}), manifest.get("algorithm", {})
    return RunEntry(
        key,
        str(manifest["stopped_by"]),
        algorithm.get("name"),
        tuple(int(tau) for tau in algorithm.get("tau", ())),
        int(manifest["rounds"]),
        _last_accuracy(run),
        float(manifest["sim_time_s"]),
        sum(totals["bits_up"]) + sum(totals["bits_down"]) if totals else None,
        totals.get("energy_j"),
        str(manifest.get("started", "")),
        manifest.get("scenario_digest"),
    )


def _last_accuracy(run: Path) -> float | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        column = pq.read_table(require_file(run, "rounds.parquet"), columns=["accuracy"])["accuracy"]
    except (pa.ArrowException, OSError) as error:
        raise ResultError(str(error)) from None
    values = [value for value in column.to_pylist() if value is not None and not math.isnan(value)]
    return values[-1] if values else None


_cache: dict[Path, tuple[int, RunEntry]] = {}
"""For each run folder: modification time of the manifest in nanoseconds, and the entry."""
