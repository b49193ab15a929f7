"""The 1,797 handwritten 8x8 digits that are part of scikit-learn: real data without a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import (
    Arrays,
    Shape,
    channel_statistics,
    check_limits,
    limit_samples,
    limit_shape,
)
from learning.rng.normal_draws import DIGITS_SPLIT, keyed_generator


@dataclass(frozen=True)
class Digits:
    """scikit-learn's `load_digits` (UCI optical recognition test set), inputs (1, 8, 8), values 0..16 over 16.

    The stratified 80/20 split is fixed: 1,438 train and 359 test samples whatever the run's seed.
    """

    citations: ClassVar[Mapping[str, str]] = {"alpaydin1998digits": ""}

    train_limit: int | None = None
    test_limit: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.train_limit, self.test_limit)

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Return (1, 8, 8), 10 classes, without reading files."""
        return limit_shape(Shape((1, 8, 8), 10, 1438, 359), self.train_limit, self.test_limit)

    def load(self, data_dir: Path | None = None) -> Arrays:
        """Return float32 images in 0..1; `data_dir` is not used."""
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        images = (np.asarray(pixels) / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
        targets = np.asarray(labels, dtype=np.int64)
        train, test = _stratified(targets)
        mean, std = channel_statistics(images[train])
        arrays = Arrays(
            images[train],
            targets[train],
            images[test],
            targets[test],
            10,
            mean,
            std,
            "digits: scikit-learn's load_digits, fixed stratified 80/20 split",
        )
        return limit_samples(arrays, self.train_limit, self.test_limit)


def _stratified(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ascending indices of the train and test samples; a fifth of every class, rounded, is for testing."""
    order = keyed_generator(0, DIGITS_SPLIT).permutation(len(labels))
    test: list[int] = []
    for label in np.unique(labels):
        members = order[labels[order] == label]
        test.extend(members[: round(len(members) / 5)].tolist())
    is_test = np.zeros(len(labels), dtype=bool)
    is_test[test] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
