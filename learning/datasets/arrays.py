"""Interface of a dataset: its shape, its arrays, and the error of missing or damaged data."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.rng.normal_draws import TEST_SUBSET, TRAIN_SUBSET, keyed_generator


class DataError(ValueError):
    """Data are missing, damaged or of the wrong kind; the message names the file and the remedy."""


@dataclass(frozen=True)
class Shape:
    """`inputs` of one sample (channels, height, width, or features), number of `classes`, numbers of samples."""

    inputs: tuple[int, ...]
    classes: int
    train: int
    test: int


@dataclass(frozen=True, eq=False)
class Arrays:
    """A dataset in memory: `*_x` [n, *inputs] uint8 (255 means 1.0) or float32, `*_y` [n] int64 in 0..classes-1.

    `mean` and `std`, one per entry of the first input axis, standardise values on the 0..1 scale.
    """

    train_x: NDArray[Any]
    train_y: NDArray[np.int64]
    test_x: NDArray[Any]
    test_y: NDArray[np.int64]
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    provenance: str

    @property
    def shape(self) -> Shape:
        """The shape of these arrays."""
        inputs = tuple(int(side) for side in self.train_x.shape[1:])
        return Shape(inputs, self.classes, len(self.train_x), len(self.test_x))


class Dataset(Protocol):
    """A part: the data of a run, either `Labelled` samples or a `Synthetic` objective."""

    def describe(self, data_dir: Path | None) -> Shape:
        """Return the shape without reading the samples. Raises DataError where a user's own file is missing."""
        ...


class Labelled(Dataset, Protocol):
    """A dataset of labelled samples with a train and a test split."""

    def load(self, data_dir: Path | None) -> Arrays:
        """Read all samples. Raises DataError."""
        ...


def data_folder(data_dir: Path | None) -> Path:
    """Return the data folder: the argument, else the environment variable NETSIM_DATA, else ./data."""
    return Path(data_dir if data_dir is not None else os.environ.get("NETSIM_DATA") or "data").expanduser()


def check_limits(train_limit: int | None, test_limit: int | None) -> None:
    """Raise ValueError unless both limits are absent or positive."""
    for name, limit in (("train_limit", train_limit), ("test_limit", test_limit)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be >= 1, got {limit}; leave it out to use every sample")


def limit_shape(shape: Shape, train_limit: int | None, test_limit: int | None) -> Shape:
    """Return the shape after the limits are applied; a limit above the number of samples has no effect."""
    train = shape.train if train_limit is None else min(train_limit, shape.train)
    test = shape.test if test_limit is None else min(test_limit, shape.test)
    return replace(shape, train=train, test=test)


def limit_samples(arrays: Arrays, train_limit: int | None, test_limit: int | None) -> Arrays:
    """Return the first samples of a fixed shuffle: the same subset for every seed; normalisation is not refitted."""
    train = _subset(len(arrays.train_y), train_limit, TRAIN_SUBSET)
    test = _subset(len(arrays.test_y), test_limit, TEST_SUBSET)
    if isinstance(train, slice) and isinstance(test, slice):
        return arrays
    cut = (
        f"{arrays.provenance}; subset of {len(arrays.train_y[train])} train, {len(arrays.test_y[test])} test"
    )
    return replace(
        arrays,
        train_x=arrays.train_x[train],
        train_y=arrays.train_y[train],
        test_x=arrays.test_x[test],
        test_y=arrays.test_y[test],
        provenance=cut,
    )


def channel_statistics(images: NDArray[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per entry of axis 1, on the 0..1 scale; a constant channel gets std 1."""
    axes = (0, *range(2, images.ndim))
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    mean = images.mean(axis=axes, dtype=np.float64) / scale
    std = images.std(axis=axes, dtype=np.float64) / scale
    return tuple(mean.tolist()), tuple(np.where(std > 0, std, 1.0).tolist())


def _subset(count: int, limit: int | None, purpose: int) -> slice | NDArray[np.int64]:
    if limit is None or limit >= count:
        return slice(None)
    return np.sort(keyed_generator(0, purpose).permutation(count)[:limit])
