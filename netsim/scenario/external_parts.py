"""What a scenario names and does not hold: the source of foreign parts, the content of files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netsim.file_lookup import places
from netsim.scenario.parts import STRANGER


def sources(content: Any) -> dict[str, str]:
    """For every `package.module:Name` in resolved data, a hash of the file that defines it.

    A class without a file (typed into a session) is named by its module alone.
    """
    return {name: _hash(name.partition(":")[0]) for name in sorted(set(_names(content)))}


def unplaced(content: Any) -> Any:
    """The data with every `path` of an existing file (traces, speeds) as its name and a hash of what is in it.

    Where a file lies does not matter, what it holds does.
    """
    if isinstance(content, dict):
        return {
            key: _unplaced(value) if key == "path" and isinstance(value, str) else unplaced(value)
            for key, value in content.items()
        }
    return [unplaced(value) for value in content] if isinstance(content, list) else content


def _unplaced(path: str) -> str:
    found = next((place for place in places(path) if place.is_file()), None)
    if found is None:
        return path
    return f"{found.name}@{blake2b(found.read_bytes(), digest_size=8).hexdigest()}"


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
