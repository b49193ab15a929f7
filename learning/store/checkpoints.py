"""Checkpoints: cuts through a run as files, written whole or not at all, never unpickled, checked when read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows: TypeAlias = Mapping[bytes, NDArray[np.floating]]

SUFFIX, DIGEST = ".npz", 16


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All vectors alive between two global rounds, values [d] by digest; a killed run goes on from its last one.

    `model` names the model of round `turn`, `tallies` holds the vote sums behind some of the rows. Models and memory
    rows (error feedback) only: a message in flight is computed again from what it rests on. `rejected` counts the
    updates left out of merges so far.
    """

    model: bytes
    turn: int
    rows: Rows
    tallies: Rows
    rejected: int = 0


class Checkpoints:
    """The checkpoints in a folder, named by the global round they were taken after and its model.

    A process keeps one at a time: each new one replaces the one it wrote, or went on from, before.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: Path | None = None

    def keep(self, cut: Checkpoint) -> None:
        """Write a cut and drop the one before. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(cut.model, cut.turn)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                arrays: dict[str, Any] = _packed("rows", cut.rows) | _packed("tallies", cut.tallies)
                arrays["rejected"] = np.array(cut.rejected, np.int64)
                np.savez(file, **arrays)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        if self._last is not None and self._last != path:
            self._last.unlink(missing_ok=True)
        self._last = path

    def latest(self, models: Sequence[bytes]) -> Checkpoint | None:
        """The cut after the last of these rounds (given by their models) that has one; a damaged file is none."""
        for turn in range(len(models), 0, -1):
            path = self._path(models[turn - 1], turn)
            cut = _read(path, models[turn - 1], turn) if path.exists() else None
            if cut is not None:
                self._last = path
                return cut
        return None

    def _path(self, model: bytes, turn: int) -> Path:
        """A model may outlive a round whose uploads are all lost, so it does not name its cut alone."""
        return self._folder / f"{model.hex()}-{turn}{SUFFIX}"

    def counts(self) -> tuple[int, int]:
        """(number, bytes) on disk."""
        sizes = [path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}")]
        return len(sizes), sum(sizes)

    def prune(self, before_s: float) -> None:
        """Drop what was written before an instant (seconds since the epoch), remains of killed writers included."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.stat().st_mtime <= before_s:
                path.unlink(missing_ok=True)


def _packed(name: str, rows: Rows) -> dict[str, NDArray[Any]]:
    digests = np.array([list(digest) for digest in rows], np.uint8).reshape(len(rows), DIGEST)
    values = list(rows.values())
    ends = np.cumsum([len(row) for row in values], dtype=np.int64)
    return {
        f"{name}_digests": digests,
        f"{name}_ends": ends,
        name: np.concatenate(values) if values else np.empty(0),
    }


def _unpacked(name: str, file: Mapping[str, NDArray[Any]]) -> Rows:
    digests, ends = file[f"{name}_digests"], file[f"{name}_ends"]
    values = np.split(file[name], ends)[: len(ends)]
    return {digest.tobytes(): row for digest, row in zip(digests, values, strict=True)}


def _read(path: Path, model: bytes, turn: int) -> Checkpoint | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            rows, tallies = _unpacked("rows", file), _unpacked("tallies", file)
            rejected = int(file["rejected"])
    except Exception:  # numpy and zipfile have no common error for what they cannot read
        return None
    return Checkpoint(model, turn, rows, tallies, rejected) if model in rows else None
