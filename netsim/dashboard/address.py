"""The address of a dashboard, and safe paths inside the folder that it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

RUN_KEY = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63})/([0-9a-f]{16})")
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,90}")


class DashboardError(Exception):
    """An error that the user can correct, such as a missing run; its message states the remedy."""


@dataclass(frozen=True)
class Address:
    """Host and port on which the dashboard listens; with a token every request must contain it."""

    host: str = "127.0.0.1"
    port: int = 8050
    token: str | None = None


def run_folder(folder: Path, key: str) -> Path:
    """The folder of the run `name/digest` inside `folder`. Raises DashboardError if there is none."""
    if RUN_KEY.fullmatch(key):
        return _inside(folder, key, "run")
    raise DashboardError(f"{key[:80]!r} is not the name of a run; choose one from the list of runs")


def sweep_folder(folder: Path, name: str) -> Path:
    """The folder with the tables of a sweep inside `folder`. Raises DashboardError if there is none."""
    if NAME_PATTERN.fullmatch(name) and name.endswith("-sweep"):
        return _inside(folder, name, "sweep")
    raise DashboardError(f"{name[:80]!r} is not the name of a sweep; choose one from the list of runs")


def is_inside(folder: Path, path: Path) -> bool:
    """Whether a path, with links resolved, is inside the folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _inside(folder: Path, key: str, kind: str) -> Path:
    path = folder / key
    if not path.is_dir() or not is_inside(folder, path):
        raise DashboardError(f"there is no {kind} {key} in this folder; it may have been moved or removed")
    return path
