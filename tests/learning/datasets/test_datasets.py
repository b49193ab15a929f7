"""Datasets: files are read correctly, and a damaged file gives a DataError."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.datasets import DATASETS, DataError
from learning.datasets.digits import Digits
from learning.datasets.idx import FILES, FashionMnist, Mnist, parse_idx
from learning.datasets.npz import Npz

SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))


@pytest.fixture
def arrays() -> dict[str, NDArray[np.uint8]]:
    """Random arrays of MNIST's shapes, by IDX file name."""
    rng = np.random.default_rng(0)
    high = (256, 10, 256, 10)
    return {
        name: rng.integers(0, top, shape, np.uint8)
        for name, shape, top in zip(FILES, SHAPES, high, strict=True)
    }


def idx(array: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file."""
    magic = 2051 if array.ndim == 3 else 2049
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


def test_digits_are_a_stratified_split_of_all_1797_images() -> None:
    from sklearn.datasets import load_digits

    data, pixels = Digits().load(), load_digits().data
    together = np.concatenate([data.train_x, data.test_x]).reshape(-1, 64) * 16
    assert sorted(map(tuple, together)) == sorted(map(tuple, pixels))
    assert np.bincount(data.test_y).tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]


def test_digits_labels_match_their_images() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    known = {tuple(image): label for image, label in zip(pixels, labels, strict=True)}
    data = Digits().load()
    assert all(known[tuple(x.ravel() * 16)] == y for x, y in zip(data.train_x, data.train_y, strict=True))


def test_standardised_digits_have_mean_0_and_variance_1() -> None:
    data = Digits().load()
    z = (data.train_x.astype(np.float64) - data.mean[0]) / data.std[0]
    assert z.mean() == pytest.approx(0, abs=1e-6)
    assert z.var() == pytest.approx(1, rel=1e-6)


def test_a_subset_is_a_fixed_shuffle_with_the_same_normalisation() -> None:
    whole, part = Digits().load(), Digits(train_limit=300, test_limit=50).load()
    assert part.shape == Digits(train_limit=300, test_limit=50).describe()
    assert part.mean == whole.mean
    assert set(np.unique(part.train_y)) == set(range(10))
    assert {x.tobytes() for x in part.train_x} <= {x.tobytes() for x in whole.train_x}
    assert not np.array_equal(part.train_x, whole.train_x[:300])


def test_a_limit_below_1_is_rejected() -> None:
    with pytest.raises(ValueError, match="train_limit must be >= 1, got 0"):
        Digits(train_limit=0)


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist", "cifar10", "synthetic"])
def test_built_in_shapes_need_no_file(name: str, tmp_path: Path) -> None:
    assert DATASETS[name]().describe(tmp_path / "nothing").train >= 1000


@pytest.mark.skipif("NETSIM_DATA" not in os.environ, reason="NETSIM_DATA names no folder with MNIST")
def test_real_mnist_is_bit_for_bit_the_original() -> None:
    data = Mnist().load()
    assert data.provenance == "MNIST: original files, md5 checked"
    assert data.train_y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert (data.train_x.mean() / 255, data.train_x.std() / 255) == pytest.approx((0.1307, 0.3081), abs=1e-4)


@pytest.mark.parametrize("folder", ["MNIST/raw", "MNIST", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_found_plain_or_zipped(
    folder: str, zipped: bool, tmp_path: Path, arrays: dict[str, NDArray[np.uint8]]
) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = gzip.compress(idx(array), 0, mtime=0) if zipped else idx(array)
        (tmp_path / folder / f"{name}{'.gz' if zipped else ''}").write_bytes(content)
    data = Mnist().load(tmp_path)
    assert (data.train_x[:, 0] == arrays[FILES[0]]).all()
    assert (data.test_y == arrays[FILES[3]]).all()
    assert data.shape == Mnist().describe()


def test_the_keras_archive_is_read(tmp_path: Path, arrays: dict[str, NDArray[np.uint8]]) -> None:
    values = list(arrays.values())
    np.savez(tmp_path / "mnist.npz", x_train=values[0], y_train=values[1], x_test=values[2], y_test=values[3])
    data = Mnist().load(tmp_path)
    assert (data.test_x[:, 0] == values[2]).all()
    assert data.provenance == "MNIST: Keras archive mnist.npz"


def test_the_environment_variable_sets_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, NDArray[np.uint8]]
) -> None:
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    monkeypatch.setenv("NETSIM_DATA", str(tmp_path))
    assert Mnist(train_limit=5).load().shape.train == 5


def test_the_error_of_missing_files_names_folders_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="Fashion-MNIST not found: looked for train-images-idx3-ubyte"
    ) as caught:
        FashionMnist().load(tmp_path)
    assert str(tmp_path / "FashionMNIST" / "raw") in str(caught.value)
    assert "{fashion_mnist: {download: true}} as task.dataset" in str(caught.value)


def test_a_failed_download_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no route to host")

    monkeypatch.setattr("torchvision.datasets.MNIST", fail)
    with pytest.raises(DataError, match="download of MNIST failed: no route to host"):
        Mnist(download=True).load(tmp_path)


@pytest.mark.skipif("NETSIM_DATA" not in os.environ, reason="NETSIM_DATA names no folder with MNIST")
def test_mnist_files_are_not_accepted_as_fashion_mnist(tmp_path: Path) -> None:
    folder = Path(os.environ["NETSIM_DATA"]) / "MNIST" / "raw"
    for name in FILES:
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(DataError, match="these are MNIST's files, not Fashion-MNIST's"):
        FashionMnist().load(tmp_path)


GOOD = idx(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are too few"),
        (GOOD[:-1], "announces 12 bytes of data .3x2x2., found 11"),
        (GOOD + b"!", "found 13"),
        (b"\x00\x00\x08\x01" + GOOD[4:], "magic number must be 2051 .images., found 2049"),
        (struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1), "truncated or damaged"),
    ],
)
def test_the_error_of_a_damaged_idx_file_names_it(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"x-ubyte: .*{message}"):
        parse_idx(content, Path("x-ubyte"), images=True)


def test_valid_idx_bytes_are_read_in_order() -> None:
    assert parse_idx(GOOD, Path("x"), images=True).tolist() == np.arange(12).reshape(3, 2, 2).tolist()


@pytest.mark.parametrize(
    "damage", [b"not gzip", gzip.compress(bytes(1000), mtime=0)[:-9], b"\x1f\x8b\x08\x00junkjunk"]
)
def test_the_error_of_a_damaged_gz_file_names_it(
    damage: bytes, tmp_path: Path, arrays: dict[str, NDArray[np.uint8]]
) -> None:
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    (tmp_path / FILES[1]).unlink()
    (tmp_path / f"{FILES[1]}.gz").write_bytes(damage)
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz: cannot be read"):
        Mnist().load(tmp_path)


def test_labels_above_9_are_rejected(tmp_path: Path, arrays: dict[str, NDArray[np.uint8]]) -> None:
    arrays[FILES[3]][7] = 10
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    with pytest.raises(DataError, match=r"t10k-.*labels must be integers in 0..9, found uint8 up to 10"):
        Mnist().load(tmp_path)


def test_npz_reads_any_float_images_channels_last(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(3, 2, (20, 5, 4, 3))
    np.savez(
        tmp_path / "own.npz", x_train=x, y_train=np.arange(20) % 4, x_test=x[:6], y_test=np.arange(6) % 4
    )
    data = Npz("own.npz", layout="hwc").load(tmp_path)
    assert np.array_equal(data.train_x, x.transpose(0, 3, 1, 2).astype(np.float32))
    assert data.shape == Npz("own.npz", layout="hwc").describe(tmp_path)
    assert data.mean == pytest.approx(x.mean((0, 1, 2)), rel=1e-6)
    assert data.classes == 4


def _npz(**changes: object) -> Callable[[Path], None]:
    values: dict[str, object] = {
        "x_train": np.zeros((4, 3)), "y_train": np.arange(4), "x_test": np.zeros((2, 3)), "y_test": np.arange(2),
    }  # fmt: skip
    values |= changes
    kept = {key: value for key, value in values.items() if value is not None}
    return lambda path: np.savez(path, **kept)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"PK\x03\x04 broken"), "not a readable .npz file"),
        (lambda path: np.save(path.open("wb"), np.zeros(3)), "one bare array"),
        (_npz(y_test=None), "missing y_test"),
        (_npz(y_train=np.array([{}, 1, 2, 3], dtype=object)), "not a readable .npz file"),
        (_npz(y_train=np.arange(3)), "every sample needs one label, found 4 and 3"),
        (_npz(y_train=np.arange(4.0)), "y must be one axis of integers"),
        (_npz(y_train=np.arange(4) - 1), "labels must be >= 0, found -1"),
        (_npz(x_train=np.full((4, 3), np.nan)), "values that are not finite"),
        (_npz(x_test=np.zeros((2, 5))), "x_train and x_test must agree"),
        (_npz(x_train=np.zeros(4)), "x must have 2, 3 or 4 axes"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_error_of_a_wrong_npz_file_states_the_reason(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    write(tmp_path / "bad.npz")
    with pytest.raises(DataError, match=message):
        Npz(str(tmp_path / "bad.npz")).load()


def test_the_error_of_a_missing_path_names_both_searched_places(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"looked for nowhere.npz and {tmp_path}/nowhere.npz"):
        Npz("nowhere.npz").describe(tmp_path)
