"""CIFAR-10 (Krizhevsky 2009) from any of its common forms; pickles are read only after torchvision's md5 check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import (
    Arrays,
    DataError,
    Shape,
    check_limits,
    data_folder,
    limit_samples,
    limit_shape,
)
from learning.datasets.images import SplitArrays, first_image_name, load_decoded

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
PICKLES, BINARY, TREE = "cifar-10-batches-py", "cifar-10-batches-bin", "cifar10"
ARCHIVES = ("cifar10*.tar.xz", "cifar10*.tar.gz", "cifar10*.tgz", "cifar10*.zip")
RECORD = 1 + 3 * 32 * 32


@dataclass(frozen=True)
class Cifar10:
    """50,000 + 10,000 colour images of 32x32 in ten classes.

    Searched in the data folder: cifar-10-batches-py (md5 checked by torchvision), cifar-10-batches-bin, an image tree
    cifar10/{train,test}/<class>/, an archive cifar10*.tar.xz of that tree (decoded once, then cached).
    """

    citations: ClassVar[Mapping[str, str]] = {"krizhevsky2009cifar": ""}

    download: bool = False
    train_limit: int | None = None
    test_limit: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.train_limit, self.test_limit)

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Return (3, 32, 32), 10 classes, 50,000 + 10,000 before the limits, without reading files."""
        return limit_shape(Shape((3, 32, 32), 10, 50_000, 10_000), self.train_limit, self.test_limit)

    def load(self, data_dir: Path | None = None) -> Arrays:
        """Return uint8 images. Raises DataError naming the missing or damaged file."""
        stack, provenance = self._read(data_folder(data_dir))
        for images, labels, count in ((*stack[:2], 50_000), (*stack[2:], 10_000)):
            if images.shape != (count, 3, 32, 32) or len(np.unique(labels)) != 10 or labels.max() != 9:
                raise DataError(
                    f"{provenance}: CIFAR-10 has {count} images of (3, 32, 32) in 10 classes in this split, found "
                    f"{images.shape} in {len(np.unique(labels))}; use `image_folder` or `npz` for other data"
                )
        return limit_samples(Arrays(*stack, 10, MEAN, STD, provenance), self.train_limit, self.test_limit)

    def locate(self, data_dir: Path | None = None) -> None:
        """Raise DataError with the searched paths, unless the files exist or may be downloaded."""
        root = data_folder(data_dir)
        if not self.download and _find_source(root) is None:
            raise DataError(
                f"CIFAR-10 not found: looked for {PICKLES}, {BINARY}, {TREE}/train/<class>/ and "
                f"{', '.join(ARCHIVES)} in {root}; set NETSIM_DATA or task.data_dir to the folder that holds them, "
                "or let torchvision fetch them: {cifar10: {download: true}} as task.dataset"
            )

    def _read(self, root: Path) -> tuple[SplitArrays, str]:
        self.locate(root)
        source = _find_source(root)
        if source is None or source.name == PICKLES:
            note = "CIFAR-10: original python batches, md5 checked"
            return _load_pickles(root, download=source is None), note
        if source.name == BINARY:
            return _load_binary(source), "CIFAR-10: original binary batches"
        stack = load_decoded(source, "cifar10", None, grey=False)
        return stack, f"CIFAR-10: {source.name}, {_encoding(source)}"


def _find_source(root: Path) -> Path | None:
    """Return the form that is present: a folder of pickles, of binary batches or of images, else an archive."""
    archives = sorted(path for pattern in ARCHIVES for path in root.glob(pattern))
    tree = [root / TREE] if (root / TREE / "train").is_dir() else []
    folders = [root / name for name in (PICKLES, BINARY) if (root / name).is_dir()]
    return next(iter([*folders, *tree, *archives]), None)


def _load_pickles(root: Path, download: bool) -> SplitArrays:
    """Read the original pickles through torchvision, which rejects files whose md5 is not the published one."""
    try:
        from torchvision.datasets import CIFAR10

        train, test = (CIFAR10(root=str(root), train=split, download=download) for split in (True, False))
    except (ImportError, RuntimeError, OSError) as error:
        verb = "download of CIFAR-10 failed" if download else f"{root / PICKLES}: refused"
        raise DataError(f"{verb}: {error}; fetch it again, or set NETSIM_DATA or data_dir") from error
    return *_channels_first(train.data, train.targets), *_channels_first(test.data, test.targets)


def _channels_first(images: NDArray[Any], labels: list[int]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), np.array(labels, dtype=np.int64)


def _load_binary(folder: Path) -> SplitArrays:
    train = [_load_batch(folder / f"data_batch_{number}.bin") for number in range(1, 6)]
    images, labels = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return images, labels, *_load_batch(folder / "test_batch.bin")


def _load_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read 10,000 records of one label byte and 3,072 pixels, channels first."""
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch the binary version again") from error
    if content.size != 10_000 * RECORD:
        raise DataError(f"{path}: a batch has {10_000 * RECORD} bytes, found {content.size}; fetch it again")
    records = content.reshape(-1, RECORD)
    if records[:, 0].max() > 9:
        raise DataError(f"{path}: labels must lie in 0..9, found {records[:, 0].max()}; fetch it again")
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def _encoding(source: Path) -> str:
    """Return whether an archive or tree contains the original pixels, for the manifest."""
    return (
        "re-encoded (JPEG)" if first_image_name(source).lower().endswith((".jpg", ".jpeg")) else "image files"
    )
