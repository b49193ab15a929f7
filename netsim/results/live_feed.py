"""A run under way, for those who watch: a file of its rounds that grows and goes once the run folder is there."""

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
"""lost: nobody writes any more and nobody said why, as after a kill."""

_PAUSE_S = 0.25
"""Host seconds between two writes: thousands of rounds a second are not worth a system call each."""
_SILENT_S = 60.0
"""Where files cannot be locked: a run that has said nothing for so long is lost."""


@dataclass(frozen=True)
class LiveRun:
    """What is known of a run that has no folder yet; `rows` are those of the rounds table so far, null where NaN."""

    key: str
    name: str
    scenario: str
    """Digest of the scenario."""
    state: State
    started: str
    rounds: int
    """The most it may take."""
    deadline_s: float | None
    rows: list[dict[str, Any]] = field(default_factory=list)


class LiveFeed:
    """Writes the rounds of a run into `<out>/.live/<key>.jsonl` while it is entered.

    Left without an error the file is removed, else it stays and says why. Whatever goes wrong with the file, the
    run goes on: a watcher must not stop what it watches.
    """

    def __init__(self, out: Path, heading: Mapping[str, Any]) -> None:
        self._path = out / FOLDER / f"{key_of(heading['name'], heading['scenario'])}.jsonl"
        self._heading = {**heading, "started": datetime.now(UTC).isoformat(timespec="seconds")}
        self._file: TextIOWrapper | None = None
        self._written_s = -math.inf

    def __enter__(self) -> Self:
        with suppress(OSError):
            self._file = _claimed(self._path)
            self._say(self._heading)
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
                self._say({"ended": "interrupted" if kind is KeyboardInterrupt else "failed"})
            self._file.close()

    def show(self, row: Mapping[str, Any]) -> None:
        """Add a row of the rounds table."""
        told = {name: _plain(value) for name, value in row.items() if not name.startswith(_UNTOLD)}
        with suppress(OSError):
            self._say(told)

    def _say(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        self._file.write(json.dumps(line) + "\n")
        if time.monotonic() - self._written_s >= _PAUSE_S:
            self._file.flush()
            self._written_s = time.monotonic()

    def _remove(self) -> None:
        """Unless another run of this scenario has taken the name."""
        assert self._file is not None
        if self._path.exists() and os.path.samestat(self._path.stat(), os.fstat(self._file.fileno())):
            self._path.unlink()


def key_of(name: str, scenario: str) -> str:
    """The name of a run's file, known before the run begins: the scenario's name and digest."""
    return f"{name}-{scenario}"


def live_runs(out: Path) -> list[LiveRun]:
    """All runs below `out` that are under way, or ended without a run folder; the latest first."""
    found = [read_live(path) for path in sorted((out / FOLDER).glob("*.jsonl"))]
    return sorted((run for run in found if run is not None), key=lambda run: run.started, reverse=True)


def read_live(path: Path) -> LiveRun | None:
    """What a file of a run says so far; None where it is gone or no such file. Half a line is not read yet."""
    try:
        written = path.read_text(encoding="utf-8").rpartition("\n")[0]
        heading, *rows = [json.loads(line) for line in written.splitlines()]
        ended = rows.pop()["ended"] if rows and "ended" in rows[-1] else None
        alive = ended is None and _is_alive(path)
        return LiveRun(path.stem, state=ended or ("running" if alive else "lost"), rows=rows, **heading)
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None


def _claimed(path: Path) -> TextIOWrapper:
    """A new file in this place, locked as long as this process has it open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    file = fresh.open("w", encoding="utf-8")
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fresh.replace(path)
    return file


def _is_alive(path: Path) -> bool:
    """Whether somebody still writes there."""
    if sys.platform == "win32":
        return time.time() - path.stat().st_mtime < _SILENT_S
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


_UNTOLD = ("path_", "wire_")
"""Columns that no curve shows."""
