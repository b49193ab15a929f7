"""What a folder of results holds, a line per run: read from manifests and the last rows, not from whole tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsim.dashboard.address import NAME, RUN, is_inside
from netsim.results.run_folder import ResultError, present, read_manifest

MOST = 500
"""Runs on the page; the filter finds the others."""


@dataclass(frozen=True)
class Entry:
    """A run in the list; what is not known is None."""

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
    def words(self) -> str:
        """What the filter looks at."""
        return f"{self.key} {self.algorithm or ''} {self.status}".lower()


def entries(folder: Path, words: str = "") -> list[Entry]:
    """The runs below `folder` whose line has all the words, the latest first."""
    wanted = words.lower().split()
    found = [entry for entry in _entries(folder) if all(word in entry.words for word in wanted)]
    return sorted(found, key=lambda entry: entry.started, reverse=True)


def sweeps(folder: Path) -> list[str]:
    """The names of the sweeps below `folder`."""
    tables = sorted(folder.glob("*-sweep/points.parquet"))
    return [p.parent.name for p in tables if NAME.fullmatch(p.parent.name) and is_inside(folder, p)]


def finished(folder: Path, name: str, scenario: str) -> Entry | None:
    """The latest run of a scenario, by its digest; None where it never finished."""
    known = [entry for entry in _entries(folder, name) if entry.scenario == scenario]
    return max(known, key=lambda entry: entry.started, default=None)


def _entries(folder: Path, name: str = "*") -> Iterator[Entry]:
    for manifest in folder.glob(f"{name}/*/manifest.json"):
        run = manifest.parent
        key = f"{run.parent.name}/{run.name}"
        if RUN.fullmatch(key) and is_inside(folder, run):
            yield _entry(run, key, manifest)


def _entry(run: Path, key: str, manifest: Path) -> Entry:
    """A run's line, read again once it was written anew."""
    try:
        changed_ns = manifest.stat().st_mtime_ns
        if _known.get(run, (0, None))[0] != changed_ns:
            _known[run] = changed_ns, _read(run, key, read_manifest(run))
        return _known[run][1]
    except (ResultError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return Entry(key, "damaged")


def _read(run: Path, key: str, manifest: dict[str, Any]) -> Entry:
    totals, algorithm = manifest.get("totals", {}), manifest.get("algorithm", {})
    return Entry(
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
        column = pq.read_table(present(run, "rounds.parquet"), columns=["accuracy"])["accuracy"]
    except (pa.ArrowException, OSError) as error:
        raise ResultError(str(error)) from None
    values = [value for value in column.to_pylist() if value is not None and not math.isnan(value)]
    return values[-1] if values else None


_known: dict[Path, tuple[int, Entry]] = {}
"""When each run was written, and its line."""
