"""Live feed of a running run: a file of its rounds, which is removed when the run folder exists."""

from __future__ import annotations

import json
import math
import os
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

FOLDER = ".live"
"""Below a folder of results; a scenario cannot have this name."""
State = Literal["running", "interrupted", "failed", "lost"]
"""lost: the process has ended without a reason in the file, as after a kill."""

_WRITE_INTERVAL_S = 0.25
"""Minimum host seconds between two writes."""
_LOST_AFTER_S = 60.0
"""Where files cannot be locked: a run without writes for this long is lost."""


@dataclass(frozen=True)
class LiveRun:
    """A run without a folder yet; `rows` are those of the rounds table so far, with null for NaN."""

    key: str
    name: str
    scenario: str
    """Digest of the scenario."""
    state: State
    started: str
    rounds: int
    """Maximum number of rounds."""
    deadline_s: float | None
    rows: list[dict[str, Any]] = field(default_factory=list)


class LiveFeed:
    """Writes the rounds of a run into `<out>/.live/<key>.jsonl` while it is entered.

    On exit without an error the file is removed, otherwise it stays with the reason. Errors of the file do not stop the
    run.
    """

    def __init__(self, out: Path, heading: Mapping[str, Any]) -> None:
        self._path = out / FOLDER / f"{key_of(heading['name'], heading['scenario'])}.jsonl"
        self._heading = {**heading, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        self._file: TextIOWrapper | None = None
        self._written_s = -math.inf

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = _open_locked(self._path)
            self._write(self._heading)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            if kind is None:
                self._remove()
            else:
                self._write({"ended": "interrupted" if kind is KeyboardInterrupt else "failed"})
            self._file.close()

    def show(self, row: Mapping[str, Any]) -> None:
        """Add a row of the rounds table."""
        shown = {name: _plain(value) for name, value in row.items() if not name.startswith(OMITTED_PREFIXES)}
        with suppress(OSError):
            self._write(shown)

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps(line) + "\n")
        if time.monotonic() - self._written_s >= _WRITE_INTERVAL_S:
            self._file.flush()
            self._written_s = time.monotonic()

    def _remove(self) -> None:
        """Remove the file, unless another run of this scenario has replaced it."""
        assert self._file is not None
        if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):
            self._path.unlink()


def key_of(name: str, scenario: str) -> str:
    """Return the name of a run's file: the scenario's name and digest."""
    return f"{name}-{scenario}"


def live_runs(out: Path) -> list[LiveRun]:
    """Return all runs below `out` that are running or ended without a run folder, the latest first."""
    found = [read_live(path) for path in sorted((out / FOLDER).glob("*.jsonl"))]
    return sorted((run for run in found if run is not None), key=lambda run: run.started, reverse=True)


def read_live(path: Path) -> LiveRun | None:
    """Read the file of a run; None if it does not exist or is damaged. An incomplete last line is ignored."""
    try:
        written = path.read_text(encoding="utf-8").rpartition("\n")[0]
        heading, *rows = [json.loads(line) for line in written.splitlines()]
        ended = rows.pop()["ended"] if rows and "ended" in rows[-1] else None
        alive = ended is None and _is_alive(path)
        return LiveRun(path.stem, state=ended or ("running" if alive else "lost"), rows=rows, **heading)
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None


def _open_locked(path: Path) -> TextIOWrapper:
    """Open a new file, locked while this process has it open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = temporary.open("w", encoding="utf-8")
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    temporary.replace(path)
    return file


def _is_alive(path: Path) -> bool:
    """Return whether a process still writes the file."""
    if sys.platform == "win32":
        return time.time() - path.stat().st_mtime < _LOST_AFTER_S
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


OMITTED_PREFIXES = ("path_", "wire_")
"""Prefixes of columns that are not shown."""
