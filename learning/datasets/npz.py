"""A user's own arrays: one .npz file with train and test splits."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import (
    Arrays,
    DataError,
    Shape,
    channel_statistics,
    check_limits,
    data_folder,
    limit_samples,
    limit_shape,
)
from learning.host_memory import memory_bytes

ARCHIVE_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError, LookupError,
    ArithmeticError, TypeError,
)  # fmt: skip
"""Errors of zipfile and numpy for damaged files, which have no common base."""

KEYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Npz:
    """`path` holds x_train, y_train, x_test, y_test; it is relative to the current folder, else to the data folder.

    x is [n, features], [n, height, width] or [n, channels, height, width] (`layout: hwc` for channels last), uint8 (255
    means 1.0) or floating; y is [n] integers from 0. Each channel is standardised by the train split.
    """

    path: str
    layout: Literal["chw", "hwc"] = "chw"
    train_limit: int | None = None
    test_limit: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.train_limit, self.test_limit)
        if self.layout not in ("chw", "hwc"):
            raise ValueError(f"layout must be chw or hwc, got {self.layout!r}")

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Return the shape of the file's arrays; reads them, since the number of classes follows from the labels."""
        return limit_shape(self._read(data_dir).shape, self.train_limit, self.test_limit)

    def load(self, data_dir: Path | None = None) -> Arrays:
        """Return the checked arrays. Raises DataError."""
        return limit_samples(self._read(data_dir), self.train_limit, self.test_limit)

    def _read(self, data_dir: Path | None) -> Arrays:
        path = find_file(self.path, data_dir)
        train_x, train_y, test_x, test_y = read_npz(path)
        train_x, test_x = (self._samples(images, path) for images in (train_x, test_x))
        train_y, test_y = (_labels(labels, path) for labels in (train_y, test_y))
        if len(train_x) != len(train_y) or len(test_x) != len(test_y):
            raise DataError(
                f"{path}: every sample needs one label, found {len(train_x)} and {len(train_y)} for "
                f"training, {len(test_x)} and {len(test_y)} for testing"
            )
        if train_x.shape[1:] != test_x.shape[1:] or train_x.dtype != test_x.dtype:
            raise DataError(
                f"{path}: x_train and x_test must agree, found {train_x.dtype} {train_x.shape[1:]} "
                f"and {test_x.dtype} {test_x.shape[1:]}"
            )
        classes = int(max(train_y.max(), test_y.max())) + 1
        return Arrays(
            train_x, train_y, test_x, test_y, classes, *channel_statistics(train_x), f"npz: {path.name}"
        )

    def _samples(self, samples: NDArray[Any], path: Path) -> NDArray[Any]:
        if samples.ndim not in (2, 3, 4) or samples.size == 0:
            raise DataError(
                f"{path}: x must have 2, 3 or 4 axes and some samples, found shape {samples.shape}"
            )
        if samples.dtype != np.uint8:
            if samples.dtype.kind != "f":
                raise DataError(f"{path}: x must be uint8 or floating, found {samples.dtype}")
            samples = samples.astype(np.float32)
            if not np.isfinite(samples).all():
                raise DataError(f"{path}: x holds values that are not finite; clean them first")
        if samples.ndim == 3:
            return samples[:, None]
        if samples.ndim == 4 and self.layout == "hwc":
            return np.ascontiguousarray(samples.transpose(0, 3, 1, 2))
        return samples


def find_file(path: str, data_dir: Path | None) -> Path:
    """Return `path` itself, or its place in the data folder. Raises DataError if it is in neither."""
    given = Path(path).expanduser()
    inside = data_folder(data_dir) / given
    if given.exists():
        return given
    if inside.exists():
        return inside
    raise DataError(
        f"{path} not found: looked for {given} and {inside}; correct `path` or set NETSIM_DATA or data_dir"
    )


def read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the four arrays of KEYS from an .npz file without unpickling. Raises DataError."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: one bare array; write {', '.join(KEYS)} with numpy.savez")
        with archive:
            missing = [key for key in KEYS if key not in archive]
            if missing:
                raise DataError(
                    f"{path}: missing {', '.join(missing)}; found {', '.join(archive) or 'nothing'}"
                )
            _check_size(archive, path)
            first, second, third, fourth = (np.asarray(archive[key]) for key in KEYS)
            return first, second, third, fourth
    except DataError:
        raise
    except ARCHIVE_ERRORS as error:
        raise DataError(f"{path}: not a readable .npz file ({error}); fetch or write it again") from error


def _check_size(archive: np.lib.npyio.NpzFile, path: Path) -> None:
    """Raise DataError for arrays that do not fit in memory: a small file may decompress to any size."""
    size = sum(member.file_size for member in archive.zip.infolist()) if archive.zip else 0
    if size > (limit := memory_bytes()):
        raise DataError(f"{path}: its arrays take {size:,} bytes, this machine has {limit:,}; cut them down")


def _labels(labels: NDArray[Any], path: Path) -> NDArray[np.int64]:
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.size == 0:
        raise DataError(f"{path}: y must be one axis of integers, found {labels.dtype} {labels.shape}")
    if labels.min() < 0:
        raise DataError(f"{path}: labels must be >= 0, found {labels.min()}; number the classes from 0")
    return cast("NDArray[np.int64]", labels.astype(np.int64))
