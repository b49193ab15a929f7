"""Atomic folders: written beside their place, flushed to disk, then renamed."""

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
    """Call `write(temporary)` and rename the temporary folder to `folder` in one step.

    The temporary folder is a hidden sibling, hence on the same file system. An existing `folder` is exchanged
    atomically where the operating system supports it (Linux) and deleted afterwards; elsewhere it is renamed first.
    Its files that `write` does not write are copied. If `write` raises an error, `folder` is unchanged.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    temporary.mkdir()
    try:
        write(temporary)
        _copy_other_files(folder, temporary)
        _flush(temporary)
        _rename_atomically(temporary, folder)
    finally:
        # After a swap this name holds the old folder; after a plain rename it is gone.
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _copy_other_files(old: Path, temporary: Path) -> None:
    for entry in sorted(old.iterdir()) if old.is_dir() else ():
        if not (temporary / entry.name).exists():
            copy = shutil.copytree if entry.is_dir() else shutil.copy2
            copy(entry, temporary / entry.name)


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        else:
            _flush_directory(path)


def _flush_directory(folder: Path) -> None:
    """Flush the entries of a folder to disk; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename_atomically(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)  # over nothing, or over an empty folder
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES) or not folder.is_dir():
            raise
        if not _exchange(temporary, folder):
            _replace_in_two_steps(temporary, folder)
    _flush_directory(folder.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return False if the OS, C library or file system cannot."""
    if sys.platform != "linux":
        return False
    swap = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if swap is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(swap(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def _replace_in_two_steps(temporary: Path, folder: Path) -> None:
    old_folder = temporary.with_suffix(".old")
    os.rename(folder, old_folder)
    try:
        os.rename(temporary, folder)
    except OSError:
        os.rename(old_folder, folder)
        raise
    shutil.rmtree(old_folder, ignore_errors=True)
