"""Checkpoints of a run as files: written atomically, read without unpickling, checked when read."""

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

    Vectors: TypeAlias = Mapping[bytes, NDArray[np.floating]]

SUFFIX, DIGEST_BYTES = ".npz", 16


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All vectors that are needed after a global round, from which an interrupted run continues.

    `model` is the digest of the model of round `round_number`. `values` [d] by digest are models and memory rows;
    messages in flight are computed again from them. `vote_sums` are the exact vote sums behind some of the models.
    `rejected` counts the updates left out of aggregations so far.
    """

    model: bytes
    round_number: int
    values: Vectors
    vote_sums: Vectors
    rejected: int = 0


class Checkpoints:
    """The checkpoint files of a folder, named by the digest of the model and the global round.

    A process keeps one file at a time: a new checkpoint replaces the one that the process wrote or resumed from.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: Path | None = None

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint and remove the previous one. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(checkpoint.model, checkpoint.round_number)
        handle, partial = tempfile.mkstemp(prefix=".partial-", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                arrays: dict[str, Any] = _to_arrays("values", checkpoint.values)
                arrays |= _to_arrays("vote_sums", checkpoint.vote_sums)
                arrays["rejected"] = np.array(checkpoint.rejected, np.int64)
                np.savez(file, **arrays)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        if self._current is not None and self._current != path:
            self._current.unlink(missing_ok=True)
        self._current = path

    def latest(self, models: Sequence[bytes]) -> Checkpoint | None:
        """Return the checkpoint of the last of these rounds that has one, or None; damaged files are ignored.

        `models` are the digests of the models of rounds 1, 2, ...
        """
        for number in range(len(models), 0, -1):
            path = self._path(models[number - 1], number)
            checkpoint = _read(path, models[number - 1], number) if path.exists() else None
            if checkpoint is not None:
                self._current = path
                return checkpoint
        return None

    def _path(self, model: bytes, round_number: int) -> Path:
        """Both identify a checkpoint: a model does not change in a round whose uploads are all lost."""
        return self._folder / f"{model.hex()}-{round_number}{SUFFIX}"

    def counts(self) -> tuple[int, int]:
        """Return (number, total bytes) of the files."""
        sizes = [path.stat().st_size for path in self._folder.glob(f"*{SUFFIX}")]
        return len(sizes), sum(sizes)

    def prune(self, before_s: float) -> None:
        """Remove files written before an instant (seconds since the epoch), including partial files."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.stat().st_mtime <= before_s:
                path.unlink(missing_ok=True)


def _to_arrays(name: str, vectors: Vectors) -> dict[str, NDArray[Any]]:
    digests = np.array([list(digest) for digest in vectors], np.uint8).reshape(len(vectors), DIGEST_BYTES)
    values = list(vectors.values())
    ends = np.cumsum([len(vector) for vector in values], dtype=np.int64)
    return {
        f"{name}_digests": digests,
        f"{name}_ends": ends,
        name: np.concatenate(values) if values else np.empty(0),
    }


def _from_arrays(name: str, file: Mapping[str, NDArray[Any]]) -> Vectors:
    digests, ends = file[f"{name}_digests"], file[f"{name}_ends"]
    values = np.split(file[name], ends)[: len(ends)]
    return {digest.tobytes(): vector for digest, vector in zip(digests, values, strict=True)}


def _read(path: Path, model: bytes, round_number: int) -> Checkpoint | None:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            values, vote_sums = _from_arrays("values", file), _from_arrays("vote_sums", file)
            rejected = int(file["rejected"])
    except Exception:  # numpy and zipfile have no common error for what they cannot read
        return None
    return Checkpoint(model, round_number, values, vote_sums, rejected) if model in values else None
