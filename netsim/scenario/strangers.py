"""What a scenario names and does not hold: the source of foreign parts, the content of files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netsim.scenario.parts import STRANGER


def sources(content: Any) -> dict[str, str]:
    """For every `package.module:Name` in resolved data, a hash of the file that defines it.

    A class without a file (typed into a session) is named by its module alone.
    """
    return {name: _hash(name.partition(":")[0]) for name in sorted(set(_names(content)))}


def files(content: Any) -> dict[str, str]:
    """For every existing file that resolved data name by a `path` (traces, speeds), a hash of what is in it."""
    found = {path for path in _paths(content) if Path(path).is_file()}
    return {path: blake2b(Path(path).read_bytes(), digest_size=8).hexdigest() for path in sorted(found)}


def _paths(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "path" and isinstance(value, str):
                yield value
            yield from _paths(value)
    elif isinstance(content, list):
        for value in content:
            yield from _paths(value)


def _names(content: Any) -> Iterator[str]:
    if isinstance(content, str) and re.match(STRANGER, content):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield from _names(key)
            yield from _names(value)
    elif isinstance(content, list):
        for value in content:
            yield from _names(value)


def _hash(module: str) -> str:
    loaded = sys.modules.get(module)
    try:
        file = getattr(loaded, "__file__", None) if loaded else getattr(find_spec(module), "origin", None)
    except (ImportError, ValueError):
        file = None
    return blake2b(Path(file).read_bytes(), digest_size=8).hexdigest() if file else module
