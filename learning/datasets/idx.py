"""MNIST and Fashion-MNIST from IDX files (plain or gzipped) or from the Keras archive, without torch."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
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
from learning.datasets.npz import read_npz

FILES = tuple(
    f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
MNIST_MD5 = {
    "6bbc9ace898e44ae57da46a324031adb",
    "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea",
    "27ae3e4e09519cfbb04c329615203637",
}


@dataclass(frozen=True)
class _Idx:
    """60,000 + 10,000 grey images of 28x28 in ten classes, as LeCun's IDX files; missing files raise DataError.

    `download: true` lets torchvision download missing files into the data folder.
    """

    download: bool = False
    train_limit: int | None = None
    test_limit: int | None = None

    title: ClassVar[str]
    folder: ClassVar[str]
    archive: ClassVar[str]
    mean: ClassVar[float]
    std: ClassVar[float]

    def __post_init__(self) -> None:
        check_limits(self.train_limit, self.test_limit)

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Return (1, 28, 28), 10 classes, 60,000 + 10,000 before the limits, without reading files."""
        return limit_shape(Shape((1, 28, 28), 10, 60_000, 10_000), self.train_limit, self.test_limit)

    def locate(self, data_dir: Path | None = None) -> None:
        """Raise DataError with the searched paths, unless the files exist or may be downloaded."""
        root = data_folder(data_dir)
        if self._find_files(root) is None and not self.download:
            raise DataError(self._not_found_message(root))

    def load(self, data_dir: Path | None = None) -> Arrays:
        """Return uint8 images. Raises DataError naming the missing or damaged file."""
        root = data_folder(data_dir)
        if self._find_files(root) is None and self.download:
            self._download(root)
        found = self._find_files(root)
        if found is None:
            raise DataError(self._not_found_message(root))
        arrays = self._load_keras(found[0]) if len(found) == 1 else self._load_idx(found)
        return limit_samples(arrays, self.train_limit, self.test_limit)

    def _folders(self, root: Path) -> tuple[Path, ...]:
        return (root / self.folder / "raw", root / self.folder, root)

    def _find_files(self, root: Path) -> list[Path] | None:
        """Return four IDX files in the order of FILES, or the one Keras archive, or None."""
        for folder in self._folders(root):
            paths = [_find_plain_or_gz(folder / name) for name in FILES]
            if all(paths):
                return [path for path in paths if path is not None]
        archive = root / self.archive
        return [archive] if archive.is_file() else None

    def _load_idx(self, paths: Sequence[Path]) -> Arrays:
        contents = [_read_bytes(path) for path in paths]
        checksums = {hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents}
        original = checksums == MNIST_MD5
        if original and self.title != "MNIST":
            raise DataError(
                f"{paths[0].parent}: these are MNIST's files, not {self.title}'s; "
                f"put {self.title} into {self.folder}/raw"
            )
        note = "original files, md5 checked" if original else "IDX files"
        arrays = [
            parse_idx(content, path, images=index % 2 == 0)
            for index, (content, path) in enumerate(zip(contents, paths, strict=True))
        ]
        return self._arrays(arrays, f"{self.title}: {note}", paths)

    def _load_keras(self, path: Path) -> Arrays:
        return self._arrays(read_npz(path), f"{self.title}: Keras archive {path.name}", [path] * 4)

    def _arrays(self, parts: Sequence[NDArray[Any]], provenance: str, paths: Sequence[Path]) -> Arrays:
        train_x, train_y, test_x, test_y = parts
        self._check(train_x, train_y, 60_000, paths[0])
        self._check(test_x, test_y, 10_000, paths[2])
        return Arrays(
            train_x[:, None],
            train_y.astype(np.int64),
            test_x[:, None],
            test_y.astype(np.int64),
            10,
            (self.mean,),
            (self.std,),
            provenance,
        )

    def _check(self, images: NDArray[Any], labels: NDArray[Any], count: int, path: Path) -> None:
        if images.shape != (count, 28, 28) or images.dtype != np.uint8 or labels.shape != (count,):
            raise DataError(
                f"{path}: {self.title} has {count} uint8 images of 28x28 and {count} labels in this split, found "
                f"{images.dtype} {images.shape} and {labels.shape}; use the `npz` dataset for other data"
            )
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
            raise DataError(
                f"{path}: labels must be integers in 0..9, found {labels.dtype} up to {labels.max()}"
            )

    def _download(self, root: Path) -> None:
        try:
            from torchvision import datasets

            getattr(datasets, self.folder)(root=str(root), download=True)
        except (ImportError, RuntimeError, OSError) as error:
            raise DataError(
                f"download of {self.title} failed: {error}\n{self._not_found_message(root)}"
            ) from error

    def _not_found_message(self, root: Path) -> str:
        folders = ", ".join(str(folder) for folder in self._folders(root))
        return (
            f"{self.title} not found: looked for {', '.join(FILES)} (plain or .gz) in {folders}, "
            f"and for {root / self.archive}; set NETSIM_DATA or task.data_dir to the folder that holds them, or let "
            f"torchvision fetch them: {{{self.archive.partition('.')[0]}: {{download: true}}}} as task.dataset"
        )


@dataclass(frozen=True)
class Mnist(_Idx):
    """MNIST (LeCun, Cortes, Burges): 60,000 + 10,000 handwritten digits of 28x28.

    Read from {data}/MNIST/raw, {data}/MNIST or {data}, else {data}/mnist.npz; mean 0.1307, std 0.3081.
    """

    citations: ClassVar[Mapping[str, str]] = {"lecun1998mnist": ""}

    title = "MNIST"
    folder = "MNIST"
    archive = "mnist.npz"
    mean = 0.1307
    std = 0.3081


@dataclass(frozen=True)
class FashionMnist(_Idx):
    """Fashion-MNIST (Xiao, Rasul, Vollgraf; arXiv:1708.07747): 60,000 + 10,000 articles of clothing of 28x28.

    Read from {data}/FashionMNIST/raw, {data}/FashionMNIST or {data}, else {data}/fashion_mnist.npz.
    """

    citations: ClassVar[Mapping[str, str]] = {"xiao2017fashion": ""}

    title = "Fashion-MNIST"
    folder = "FashionMNIST"
    archive = "fashion_mnist.npz"
    mean = 0.2860
    std = 0.3530


def parse_idx(content: bytes, path: Path, images: bool) -> NDArray[np.uint8]:
    """Return the array of an IDX file: [n, rows, columns] for images, [n] for labels. Raises DataError if malformed."""
    magic, header = (IMAGES_MAGIC, 16) if images else (LABELS_MAGIC, 8)
    if len(content) < header:
        raise DataError(
            f"{path}: {len(content)} bytes are too few for an IDX header of {header}; fetch the file again"
        )
    found, *shape = np.frombuffer(content[:header], dtype=">u4").tolist()
    if found != magic:
        kind = "images" if images else "labels"
        raise DataError(
            f"{path}: IDX magic number must be {magic} ({kind}), found {found}; not the right file"
        )
    size = int(np.prod(shape, dtype=object))
    if len(content) - header != size or max(shape) > len(content):
        raise DataError(
            f"{path}: its header announces {size} bytes of data ({'x'.join(map(str, shape))}), "
            f"found {len(content) - header}: truncated or damaged; fetch the file again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _find_plain_or_gz(path: Path) -> Path | None:
    zipped = path.with_name(path.name + ".gz")
    return path if path.is_file() else zipped if zipped.is_file() else None


def _read_bytes(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch the file again") from error
