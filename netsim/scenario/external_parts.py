"""External content of a scenario: hashes of the source of external parts and of named files."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netsim.file_lookup import candidate_paths
from netsim.scenario.parts import IMPORT_PATH


def source_hashes(content: Any) -> dict[str, str]:
    """Return, for every `package.module:Name` in resolved data, a hash of the file that defines it.

    A class without a file (defined in an interactive session) is named by its module.
    """
    return {name: _hash(name.partition(":")[0]) for name in sorted(set(_names(content)))}


def with_file_hashes(content: Any) -> Any:
    """Return the data with every `path` of an existing file (traces, speeds) replaced by its name and content hash."""
    if isinstance(content, dict):
        return {
            key: _with_hash(value) if key == "path" and isinstance(value, str) else with_file_hashes(value)
            for key, value in content.items()
        }
    return [with_file_hashes(value) for value in content] if isinstance(content, list) else content


def _with_hash(path: str) -> str:
    found = next((place for place in candidate_paths(path) if place.is_file()), None)
    if found is None:
        return path
    return f"{found.name}@{blake2b(found.read_bytes(), digest_size=8).hexdigest()}"


def _names(content: Any) -> Iterator[str]:
    if isinstance(content, str) and re.match(IMPORT_PATH, content):
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
