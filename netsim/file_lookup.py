"""Files named by a scenario: where they are looked up, and how they are read and cached."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def candidate_paths(path: str, beside: Path | None = None) -> list[Path]:
    """The paths that `path` can refer to, in order of precedence.

    An absolute path refers to itself only; a relative path is looked up in `beside` (the scenario's folder), in the
    working directory, and in the folder NETSIM_DATA.
    """
    given = Path(path).expanduser()
    if given.is_absolute():
        return [given]
    data = os.environ.get("NETSIM_DATA")
    folders = [*([beside] if beside else []), Path(), *([Path(data).expanduser()] if data else [])]
    return list(dict.fromkeys(folder / given for folder in folders))


def find_file(path: str, what: str, beside: Path | None = None) -> Path:
    """The first of the candidate paths that is a file. Raises ValueError naming all of them."""
    candidates = candidate_paths(path, beside)
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        tried = ", ".join(str(candidate.absolute()) for candidate in candidates)
        raise ValueError(f"no {what} {path!r}: looked for {tried}; give a path from one of these folders")
    return file


def load_cached(path: str, what: str, reader: Callable[..., T], *arguments: str) -> T:
    """Find a file and return `reader(file, *arguments)`, cached until the file changes.

    Raises ValueError for a missing file, and as `reader` does.
    """
    file = find_file(path, what)
    stat = file.stat()
    content: T = _read(reader, file, arguments, file.resolve(), stat.st_mtime_ns, stat.st_size)
    return content


@lru_cache(maxsize=256)
def _read(
    reader: Callable[..., Any],
    file: Path,
    arguments: tuple[str, ...],
    resolved: Path,
    changed_ns: int,
    size: int,
) -> Any:
    return reader(file, *arguments)


def read_text_lines(file: Path, example: str) -> list[str]:
    """The lines of a UTF-8 text file. Raises ValueError, with an example of a line, if it is not one."""
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file in UTF-8; write lines such as {example}") from None


def is_number(text: str) -> bool:
    """Whether a text is a number other than NaN."""
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
