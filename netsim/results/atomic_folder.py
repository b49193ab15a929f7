"""Folders that appear whole or not at all: written beside their place, flushed to disk, then swapped in."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def replace_folder(folder: Path, write: Callable[[Path], None]) -> Path:
    """Call `write(temporary)` and give what it wrote the name `folder`, in one step.

    The temporary folder is a hidden sibling, hence on the same file system. An existing `folder` is swapped
    out atomically where the OS can (Linux) and deleted afterwards; elsewhere it is moved aside first. Files
    in it that `write` did not write again are carried over. Whatever `write` raises passes through and leaves
    `folder` as it was.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    fresh.mkdir()
    try:
        write(fresh)
        _carry_over(folder, fresh)
        _flush(fresh)
        _put_in_place(fresh, folder)
    finally:
        # After a swap this name holds the old folder; after a plain rename it is gone.
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _carry_over(old: Path, fresh: Path) -> None:
    for entry in sorted(old.iterdir()) if old.is_dir() else ():
        if not (fresh / entry.name).exists():
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, fresh / entry.name)


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        else:
            _flush_names(path)


def _flush_names(folder: Path) -> None:
    """Make the names in a folder durable; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(fresh: Path, folder: Path) -> None:
    try:
        os.rename(fresh, folder)  # over nothing, or over an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES) or not folder.is_dir():
            raise
        if not _exchange(fresh, folder):
            _move_aside(fresh, folder)
    _flush_names(folder.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the OS, C library or file system has no such call."""
    if sys.platform != "linux":
        return False
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(swap(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _move_aside(fresh: Path, folder: Path) -> None:
    aside = fresh.with_suffix(".old")
    os.rename(folder, aside)
    try:
        os.rename(fresh, folder)
    except OSError:
        os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
