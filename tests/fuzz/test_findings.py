"""Inputs found by fuzzing, and large inputs that fuzzing does not reach."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from struct import pack

import numpy as np
import pytest

from learning.datasets import DataError
from learning.datasets.npz import Npz

from .targets import GRAPHML, TARGETS, archive, checkpoint_bytes, picture, table


def patch_header(content: bytes, header: bytes, at: int, new: bytes) -> bytes:
    """A zip file whose first header of a kind has `new` at an offset."""
    start = content.index(header) + at
    return content[:start] + new + content[start + len(new) :]


LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"
FLAGGED = patch_header(archive("zip").replace(b"data/train/a", b"\x95ata/train/a", 1), LOCAL, 6, b"\0\x08")
FINDINGS = {
    "a list as a key": ("tree_yaml", b"children:\n  - {name: b, children, [{nam: c}]}\n"),
    "an unknown encoding": ("graphml", GRAPHML.replace("utf-8", "utf-6").encode()),
    "a size of zero times a billion": ("idx_images", pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 0)),
    "a name that is no UTF-8": ("images_zip", FLAGGED),
    "a future zip version": ("checkpoint", patch_header(checkpoint_bytes(), CENTRAL, 6, b"\x4e")),
    "a column whose name is no UTF-8": ("table", table().replace(b"loss", b"l\x88ss")),
    "a note that is a list": ("table", table(note="[]")),
    "bytes that are not UTF-8": ("speeds", b"ms/\xff\xff?"),
}


@pytest.mark.parametrize("finding", FINDINGS)
def test_inputs_found_by_fuzzing_are_refused(finding: str, tmp_path: Path) -> None:
    name, content = FINDINGS[finding]
    TARGETS[name](content, tmp_path)


def doubling_aliases(levels: int) -> bytes:
    """Aliases that double the tree at every level."""
    rows = [f"  - &b{k} {{children: [*b{k - 1}, *b{k - 1}]}}" for k in range(1, levels)]
    return "\n".join(["name: cloud", "children:", "  - &b0 {devices: 2}", *rows]).encode()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "content",
    [
        doubling_aliases(40),
        b"devices: 1000000000000",
        b"children: &a [{children: *a}]",
        b"[" * 1500,
        b"{a: " * 1500,
    ],
    ids=["doubling", "devices", "circle", "brackets", "mappings"],
)
def test_a_tree_that_exceeds_the_memory_is_refused_at_once(content: bytes, tmp_path: Path) -> None:
    assert not TARGETS["tree_yaml"](content, tmp_path)


@pytest.mark.parametrize("name", ["tree_json", "constants", "manifest", "live"])
def test_deeply_nested_json_is_refused(name: str, tmp_path: Path) -> None:
    """Python's JSON reader raises a RecursionError."""
    assert not TARGETS[name](b"[" * 100_000 + b"\n", tmp_path)
    assert not TARGETS[name](b'{"a":' * 100_000 + b"\n", tmp_path)


def test_compressed_arrays_that_exceed_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "zeros.npz"
    x, y = np.zeros((1000, 100), np.uint8), np.arange(1000) % 2
    np.savez_compressed(path, x_train=x, y_train=y, x_test=x, y_test=y)
    Npz(str(path)).load()
    monkeypatch.setattr("learning.datasets.npz.memory_bytes", lambda: 100_000)
    with pytest.raises(DataError, match="its arrays take 21[0-9],[0-9]+ bytes, this machine has 100,000"):
        Npz(str(path)).load()


@pytest.mark.parametrize(
    "name", ["../../train/a/evil.png", "/tmp/train/a/evil.png", "data/../train/a/../a/0.png"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives_are_read_without_writing_files(kind: str, name: str, tmp_path: Path) -> None:
    """Members are read, never extracted: paths and links have no effect."""
    stream = io.BytesIO(archive(kind))
    if kind == "zip":
        with zipfile.ZipFile(stream, "a") as archive_file:
            archive_file.writestr(name, picture("png"))
    else:
        with tarfile.open(fileobj=stream, mode="a") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(picture("png"))
            tar.addfile(member, io.BytesIO(picture("png")))
            link = tarfile.TarInfo("data/train/a/link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    existed = Path("/tmp/train").exists()
    TARGETS[f"images_{kind}"](stream.getvalue(), folder)
    assert not list(tmp_path.rglob("evil.png"))
    assert not list(tmp_path.rglob("link.png"))
    assert Path("/tmp/train").exists() == existed


def test_the_sources_do_not_unpickle_or_construct_yaml_objects() -> None:
    """numpy loads with pickles off, YAML is read safely or as a tree of nodes, archives are never extracted."""
    from tests.conftest import REPOSITORY

    for path in [*(REPOSITORY / "netsim").rglob("*.py"), *(REPOSITORY / "learning").rglob("*.py")]:
        text = path.read_text()
        assert text.count("np.load(") == text.count("allow_pickle=False"), path
        for word in (
            "import pickle",
            "pickle.load",
            "torch.load",
            "yaml.load(",
            "yaml.unsafe",
            "eval(",
            "exec(",
            "shell=True",
        ):
            assert word not in text.replace("model.eval(", "").replace("module.eval(", ""), (path, word)
        for word in (".extractall(", "tar.extract(", "archive.extract(", "read_pickle", "unpack_archive"):
            assert word not in text, (path, word)
        assert 'YAML(typ="unsafe"' not in text, path
