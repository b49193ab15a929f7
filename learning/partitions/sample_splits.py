"""Division of samples between owners: Dirichlet draws per class, equal splits, and checks of their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
MAX_DRAWS = 2_000


def dirichlet_split(
    labels: NDArray[Any],
    samples: Indices,
    weights: NDArray[np.float64],
    floors: NDArray[np.int64],
    generator: np.random.Generator,
    field: str,
) -> list[Indices]:
    """Divide the `samples` of each class by Dirichlet(weights), redrawn until owner m has floors[m] samples.

    Raises ValueError, which names `field`, after MAX_DRAWS draws.
    """
    classes, counts = np.unique(labels[samples], return_counts=True)
    for _ in range(MAX_DRAWS):
        shares = np.cumsum(generator.dirichlet(weights, size=len(classes)), axis=1)
        ends = np.floor(shares * counts[:, None] + 0.5).astype(np.int64)
        ends[:, -1] = counts
        sizes = np.diff(ends, axis=1, prepend=0).sum(axis=0)
        if (sizes >= floors).all():
            return _cut(labels, samples, classes, ends, generator)
    raise ValueError(
        f"no draw of {MAX_DRAWS} gave each of {len(weights)} owners its minimum of {floors.max()} samples "
        f"({len(samples)} samples in {len(classes)} classes); raise {field}, lower min_size or use fewer devices"
    )


def _cut(
    labels: NDArray[Any],
    samples: Indices,
    classes: NDArray[Any],
    ends: NDArray[np.int64],
    generator: np.random.Generator,
) -> list[Indices]:
    """Cut the shuffled members of each class at `ends` [classes, owners]; return one array per owner."""
    pieces: list[list[Indices]] = [[] for _ in range(ends.shape[1])]
    for label, stops in zip(classes, ends, strict=True):
        members = generator.permutation(samples[labels[samples] == label])
        for owner, piece in enumerate(np.split(members, stops[:-1])):
            pieces[owner].append(piece)
    return [np.concatenate(owned) for owned in pieces]


def equal_split(samples: Indices, parts: int) -> list[Indices]:
    """Divide into parts whose sizes differ by at most one."""
    return np.array_split(samples, parts)


def check_alpha(name: str, alpha: float) -> None:
    """Raise ValueError unless alpha is positive and finite."""
    if not 0 < alpha < float("inf"):
        raise ValueError(f"{name} must be a finite number > 0, got {alpha}; for equal shares use iid")


def check_min_size(min_size: int) -> None:
    """Raise ValueError for a minimum below one sample."""
    if min_size < 1:
        raise ValueError(f"min_size must be >= 1, got {min_size}; a device without samples cannot train")


def check_sample_count(samples: int, devices: int, each: int) -> None:
    """Raise ValueError where there are fewer samples than devices times `each`."""
    if samples < devices * each:
        raise ValueError(
            f"{devices} devices with at least {each} samples each need {devices * each} samples, the dataset has "
            f"{samples}; use fewer devices or a larger dataset"
        )
