"""Where a dashboard listens, and the folder that it shows: no path leads out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

RUN = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63})/([0-9a-f]{16})")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,90}")


class DashboardError(Exception):
    """Something the user can put right: an address, a name that is not there; says what and how."""


@dataclass(frozen=True)
class Address:
    """Where the dashboard listens; with a token nobody is answered without it."""

    host: str = "127.0.0.1"
    port: int = 8050
    token: str | None = None


def run_folder(folder: Path, key: str) -> Path:
    """The folder of the run `name/digest` below `folder`. Raises DashboardError unless it is one, and in there."""
    if RUN.fullmatch(key):
        return _inside(folder, key, "run")
    raise DashboardError(f"{key[:80]!r} names no run; choose one from the list of runs")


def sweep_folder(folder: Path, name: str) -> Path:
    """The folder of a sweep's own files. Raises DashboardError unless it is one, and in there."""
    if NAME.fullmatch(name) and name.endswith("-sweep"):
        return _inside(folder, name, "sweep")
    raise DashboardError(f"{name[:80]!r} names no sweep; choose one from the list of runs")


def is_inside(folder: Path, path: Path) -> bool:
    """Whether a path, links followed, lies below the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _inside(folder: Path, key: str, kind: str) -> Path:
    path = folder / key
    if not path.is_dir() or not is_inside(folder, path):
        raise DashboardError(f"there is no {kind} {key} in this folder; it may have been moved or removed")
    return path
