"""Trees of image files, in folders or archives, decoded into arrays once and cached."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import (
    Arrays,
    DataError,
    Shape,
    channel_statistics,
    check_limits,
    limit_samples,
    limit_shape,
)
from learning.datasets.npz import ARCHIVE_ERRORS, find_file, read_npz
from learning.store.caches import cache_dir

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".pgm")
LARGEST_FILE = 64 * 2**20
LARGEST_SIDE = 4096
READ_ERRORS = (
    tarfile.TarError, lzma.LZMAError, *ARCHIVE_ERRORS,
)  # fmt: skip
ImageFile = tuple[str, str, str, bytes]  # split, class, file name, the file's bytes
SplitArrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class ImageFolder:
    """`path` holds train/<class>/<file> and test/<class>/<file>; classes are numbered in alphabetical order.

    Images are resized to `size` x `size` where given, and must share one size otherwise; `grey` keeps one channel.
    """

    path: str
    size: int | None = None
    grey: bool = False
    train_limit: int | None = None
    test_limit: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.train_limit, self.test_limit)
        if self.size is not None and self.size < 1:
            raise ValueError(
                f"size must be >= 1 pixel, got {self.size}; leave it out to keep the images' own"
            )

        if self.size is not None and self.size > LARGEST_SIDE:
            raise ValueError(
                f"size must be at most {LARGEST_SIDE} pixels, got {self.size}; 28 to 224 are usual"
            )

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Count the files and open one image."""
        root = find_file(self.path, data_dir)
        files = _tree_files(root)
        counts = [sum(split == wanted for split, *_ in files) for wanted in ("train", "test")]
        if not files or 0 in counts:
            raise DataError(_no_images(root))
        first = decode(files[0][3].read_bytes(), str(files[0][3]), self.size, self.grey)
        classes = len({name for _, name, *_ in files})
        return limit_shape(Shape(first.shape, classes, *counts), self.train_limit, self.test_limit)

    def load(self, data_dir: Path | None = None) -> Arrays:
        """Return uint8 images, decoded on first use, then read from the cache. Raises DataError."""
        root = find_file(self.path, data_dir)
        stack = load_decoded(root, f"{root.name}-{self.size}-{self.grey}", self.size, self.grey)
        classes = int(stack[1].max()) + 1
        arrays = Arrays(*stack, classes, *channel_statistics(stack[0]), f"image folder: {root.name}")
        return limit_samples(arrays, self.train_limit, self.test_limit)


def load_decoded(source: Path, name: str, size: int | None, grey: bool) -> SplitArrays:
    """Return train images and labels, test images and labels of a tree or an archive, from the cache if unchanged."""
    cached = cache_dir() / f"{name}-{_fingerprint(source)}.npz"
    if cached.is_file():
        try:
            return read_npz(cached)
        except DataError:
            cached.unlink(missing_ok=True)
    stack = _decode_all(source, size, grey)
    _write(cached, stack)
    return stack


def decode(content: bytes, name: str, size: int | None, grey: bool) -> NDArray[np.uint8]:
    """Return one encoded image as uint8 [channels, height, width]. Raises DataError naming the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            flat = image.convert("L" if grey else "RGB")
            if size is not None and flat.size != (size, size):
                flat = flat.resize((size, size), Image.Resampling.BILINEAR)
            pixels = np.asarray(flat, dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{name}: not a readable image ({error}); replace or remove it") from error
    return pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def first_image_name(source: Path) -> str:
    """Name of the first image of a tree or an archive that has one."""
    return next(_image_files(source))[2]


def _decode_all(source: Path, size: int | None, grey: bool) -> SplitArrays:
    files = sorted(_image_files(source), key=lambda file: file[:3])
    classes = sorted({name for _, name, *_ in files})
    train, test = ([file for file in files if file[0] == split] for split in ("train", "test"))
    if not train or not test:
        raise DataError(_no_images(source))
    train_x, train_y = _images(train, classes, source, size, grey)
    test_x, test_y = _images(test, classes, source, size, grey)
    if train_x.shape[1:] != test_x.shape[1:]:
        raise DataError(
            f"{source}: train images are {train_x.shape[1:]}, test images {test_x.shape[1:]}; give `size`"
        )
    return train_x, train_y, test_x, test_y


def _images(
    files: list[ImageFile], classes: list[str], source: Path, size: int | None, grey: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return [n, channels, height, width] and labels by position in `classes`; all images have one size."""
    stack = np.empty((0, 0, 0, 0), dtype=np.uint8)
    for index, (split, label, name, content) in enumerate(files):
        location = f"{source}: {split}/{label}/{name}"
        pixels = decode(content, location, size, grey)
        if index == 0:
            stack = np.empty((len(files), *pixels.shape), dtype=np.uint8)
        if pixels.shape != stack.shape[1:]:
            raise DataError(f"{location} is {pixels.shape}, the others are {stack.shape[1:]}; give `size`")
        stack[index] = pixels
    return stack, np.array([classes.index(label) for _, label, *_ in files], dtype=np.int64)


def _image_files(source: Path) -> Iterator[ImageFile]:
    """Yield every image of a folder or an archive; archives are read member by member and not extracted."""
    if source.is_dir():
        for split, label, name, path in _tree_files(source):
            yield split, label, name, path.read_bytes()
        return
    try:
        yield from (_zip_members if source.suffix == ".zip" else _tar_members)(source)
    except DataError:
        raise
    except READ_ERRORS as error:
        raise DataError(f"{source}: damaged archive ({error}); fetch it again") from error


def _tree_files(root: Path) -> list[tuple[str, str, str, Path]]:
    paths = sorted(path for split in ("train", "test") for path in (root / split).glob("*/*"))
    return [(p.parts[-3], p.parts[-2], p.name, p) for p in paths if p.suffix.lower() in SUFFIXES]


def _tar_members(source: Path) -> Iterator[ImageFile]:
    with tarfile.open(source, "r:*") as archive:
        for member in archive:
            location = _split_class_name(member.name)
            if location is None or not member.isfile():
                continue
            _check_size(source, member.name, member.size)
            stream = archive.extractfile(member)
            if stream is not None:
                yield *location, stream.read()


def _zip_members(source: Path) -> Iterator[ImageFile]:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            location = _split_class_name(member.filename)
            if location is not None:
                _check_size(source, member.filename, member.file_size)
                yield *location, archive.read(member)


def _split_class_name(name: str) -> tuple[str, str, str] | None:
    """Return split, class and file name of a member, or None where it is not an image of the tree."""
    parts = PurePosixPath(name).parts
    if len(parts) < 3 or parts[-3] not in ("train", "test") or not name.lower().endswith(SUFFIXES):
        return None
    return parts[-3], parts[-2], parts[-1]


def _check_size(source: Path, name: str, size: int) -> None:
    if size > LARGEST_FILE:
        raise DataError(f"{source}: {name} is {size} bytes, an image may have {LARGEST_FILE}; remove it")


def _fingerprint(source: Path) -> str:
    """Return a digest of the content of an archive, or of the names, sizes and times of a tree."""
    if source.is_file():
        return hashlib.blake2b(source.read_bytes(), digest_size=8).hexdigest()
    digest = hashlib.blake2b(str(source.resolve()).encode(), digest_size=8)
    for split, label, name, path in _tree_files(source):
        status = path.stat()
        digest.update(f"{split}/{label}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _write(target: Path, stack: SplitArrays) -> None:
    """Write atomically: no interrupted or concurrent run leaves a partial file. A read-only cache is no error."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, suffix=".npz")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, x_train=stack[0], y_train=stack[1], x_test=stack[2], y_test=stack[3])
        os.replace(name, target)
    except OSError:
        Path(name).unlink(missing_ok=True)


def _no_images(source: Path) -> str:
    return (
        f"{source}: no images found as train/<class>/<file> and test/<class>/<file> ({', '.join(SUFFIXES)})"
    )
