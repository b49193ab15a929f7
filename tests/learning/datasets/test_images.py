"""Images and CIFAR-10: all forms of the same images give equal arrays, which are cached once decoded."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from learning.datasets import DataError
from learning.datasets.cifar10 import Cifar10
from learning.datasets.images import ImageFolder, load_decoded


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSIM_CACHE", str(tmp_path / "cache"))


def jpeg(colour: tuple[int, int, int], side: int = 8, kind: str = "JPEG") -> bytes:
    """One image of one colour."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, kind)
    return buffer.getvalue()


def tiny_tree() -> dict[str, bytes]:
    """Two classes, three train images and two test images, colours far apart."""
    red, blue = jpeg((200, 0, 0)), jpeg((0, 0, 200))
    return {
        "cifar10/train/dog/1.jpg": blue,
        "cifar10/train/cat/2.jpg": red,
        "cifar10/train/cat/1.jpg": red,
        "cifar10/test/dog/1.jpg": blue,
        "cifar10/test/cat/1.jpg": red,
        "cifar10/README.txt": b"not an image",
        "../../etc/evil": b"ignored",
    }


def tar_of(files: dict[str, bytes], path: Path) -> Path:
    """A tar.xz archive of the files."""
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", ["tar.xz", "zip", "tree"])
def test_archives_and_trees_give_equal_arrays(form: str, tmp_path: Path) -> None:
    source = tmp_path / f"set.{form}"
    if form == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            for name, content in tiny_tree().items():
                archive.writestr(name, content)
    elif form == "tar.xz":
        tar_of(tiny_tree(), source)
    else:
        for name, content in tiny_tree().items():
            if name.startswith("cifar10/"):
                place = source / name.removeprefix("cifar10/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
    train_x, train_y, test_x, test_y = load_decoded(source, "set", None, grey=False)
    assert (train_y.tolist(), test_y.tolist()) == ([0, 0, 1], [0, 1])
    assert np.abs(train_x[2].mean((1, 2)) - [0, 0, 200]).max() < 3
    assert test_x.shape == (2, 3, 8, 8)


def test_decoded_images_are_cached_and_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    source = tar_of(tiny_tree(), tmp_path / "cifar10.tar.xz")
    first = load_decoded(source, "set", None, grey=False)
    (cached,) = (tmp_path / "cache").iterdir()
    written = cached.stat().st_mtime_ns
    assert (load_decoded(source, "set", None, grey=False)[0] == first[0]).all()
    assert cached.stat().st_mtime_ns == written
    cached.write_bytes(b"half a file")
    assert (load_decoded(source, "set", None, grey=False)[0] == first[0]).all()
    assert cached.stat().st_size > 100


def test_a_changed_archive_is_decoded_again(tmp_path: Path) -> None:
    source = tar_of(tiny_tree(), tmp_path / "cifar10.tar.xz")
    load_decoded(source, "set", None, grey=False)
    tar_of({**tiny_tree(), "cifar10/train/dog/9.jpg": jpeg((0, 0, 200))}, source)
    assert len(load_decoded(source, "set", None, grey=False)[0]) == 4


def test_nothing_is_extracted_from_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    load_decoded(tar_of(tiny_tree(), folder / "cifar10.tar.xz"), "set", None, grey=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "cache"]
    assert [path.name for path in folder.iterdir()] == ["cifar10.tar.xz"]


def test_the_error_of_a_damaged_archive_or_image_names_it(tmp_path: Path) -> None:
    source = tar_of(tiny_tree(), tmp_path / "cifar10.tar.xz")
    broken = tmp_path / "cifar10-broken.tar.xz"
    broken.write_bytes(source.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"cifar10-broken.tar.xz: damaged archive"):
        load_decoded(broken, "set", None, grey=False)
    tar_of({**tiny_tree(), "cifar10/train/cat/3.jpg": b"\xff\xd8 no"}, source)
    with pytest.raises(DataError, match=r"train/cat/3\.jpg: not a readable image"):
        load_decoded(source, "set", None, grey=False)


def test_cifar_finds_the_archive_and_reports_missing_images(tmp_path: Path) -> None:
    tar_of(tiny_tree(), tmp_path / "cifar10-jpeg.tar.xz")
    with pytest.raises(
        DataError, match=r"re-encoded \(JPEG\): CIFAR-10 has 50000 images.*found \(3, 3, 8, 8\) in 2"
    ):
        Cifar10().load(tmp_path)
    with pytest.raises(DataError, match="CIFAR-10 not found: looked for cifar-10-batches-py"):
        Cifar10().load(tmp_path / "cache")


def test_cifar_reads_the_binary_version(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = np.random.default_rng(2).integers(0, 256, (10_000, 3073), np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
        records.tofile(folder / name)
    data = Cifar10().load(tmp_path)
    assert data.shape == Cifar10().describe()
    assert (data.train_x[10_003].ravel() == records[3, 1:]).all()
    (folder / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(DataError, match=r"test_batch.bin: a batch has 30730000 bytes, found 5"):
        Cifar10().load(tmp_path)


def test_only_the_published_pickles_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(
        b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR."
    )
    with pytest.raises(DataError, match="cifar-10-batches-py: refused"):
        Cifar10().load(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_an_image_folder_is_resized_and_converted_to_grey(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for index, label in enumerate(("b", "a", "c")):
            (tmp_path / split / label).mkdir(parents=True)
            (tmp_path / split / label / "1.png").write_bytes(jpeg((60 * index,) * 3, 8 + index, "PNG"))
    part = ImageFolder(str(tmp_path), size=4, grey=True)
    data = part.load()
    assert data.shape == part.describe()
    assert data.train_x[:, 0, 0, 0].tolist() == [60, 0, 120]
    with pytest.raises(DataError, match=r"the others are .*; give `size`"):
        ImageFolder(str(tmp_path)).load()
