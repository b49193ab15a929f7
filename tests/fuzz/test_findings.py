"""What fuzzing has found, one by one, and what it cannot find in a file of a few kilobytes."""

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

from .targets import GRAPHML, TARGETS, archive, cut, picture, table


def patched(content: bytes, header: bytes, at: int, new: bytes) -> bytes:
    """A zip file whose first header of a kind has `new` at an offset."""
    start = content.index(header) + at
    return content[:start] + new + content[start + len(new) :]


LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"
FLAGGED = patched(archive("zip").replace(b"data/train/a", b"\x95ata/train/a", 1), LOCAL, 6, b"\0\x08")
FOUND = {
    "a list as a key": ("tree_yaml", b"children:\n  - {name: b, children, [{nam: c}]}\n"),
    "an unknown encoding": ("graphml", GRAPHML.replace("utf-8", "utf-6").encode()),
    "nought times a billion": ("idx_images", pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 0)),
    "a name that is no UTF-8": ("images_zip", FLAGGED),
    "a zip version to come": ("checkpoint", patched(cut(), CENTRAL, 6, b"\x4e")),
    "a column whose name is no UTF-8": ("table", table().replace(b"loss", b"l\x88ss")),
    "a note that is a list": ("table", table(note="[]")),
    "letters of no alphabet": ("speeds", b"ms/\xff\xff?"),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found_is_refused_in_words(what: str, tmp_path: Path) -> None:
    name, content = FOUND[what]
    TARGETS[name](content, tmp_path)


def bomb(levels: int) -> bytes:
    """Aliases that double the tree at every level."""
    rows = [f"  - &b{k} {{children: [*b{k - 1}, *b{k - 1}]}}" for k in range(1, levels)]
    return "\n".join(["name: cloud", "children:", "  - &b0 {devices: 2}", *rows]).encode()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "content",
    [bomb(40), b"devices: 1000000000000", b"children: &a [{children: *a}]", b"[" * 1500, b"{a: " * 1500],
    ids=["doubling", "devices", "circle", "brackets", "mappings"],
)
def test_a_tree_that_would_fill_the_memory_is_refused_at_once(content: bytes, tmp_path: Path) -> None:
    assert not TARGETS["tree_yaml"](content, tmp_path)


@pytest.mark.parametrize("name", ["tree_json", "constants", "manifest", "live"])
def test_json_nested_beyond_all_reason_is_refused_in_words(name: str, tmp_path: Path) -> None:
    """Python's reader gives up with a RecursionError."""
    assert not TARGETS[name](b"[" * 100_000 + b"\n", tmp_path)
    assert not TARGETS[name](b'{"a":' * 100_000 + b"\n", tmp_path)


def test_arrays_that_unfold_beyond_the_memory_are_refused(
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
def test_an_archive_writes_nothing_wherever_its_members_point(kind: str, name: str, tmp_path: Path) -> None:
    """Members are read, never extracted: neither a path nor a link leads anywhere."""
    stream = io.BytesIO(archive(kind))
    if kind == "zip":
        with zipfile.ZipFile(stream, "a") as packed:
            packed.writestr(name, picture("png"))
    else:
        with tarfile.open(fileobj=stream, mode="a") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(picture("png"))
            tar.addfile(member, io.BytesIO(picture("png")))
            link = tarfile.TarInfo("data/train/a/link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    home = tmp_path / "deep" / "er"
    home.mkdir(parents=True)
    before = Path("/tmp/train").exists()
    TARGETS[f"images_{kind}"](stream.getvalue(), home)
    assert not list(tmp_path.rglob("evil.png"))
    assert not list(tmp_path.rglob("link.png"))
    assert Path("/tmp/train").exists() == before


def test_nothing_in_the_program_unpickles_or_builds_objects_from_yaml() -> None:
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
