"""Caches that are kept between runs and may be deleted at any time: decoded images, counts of modules."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def cache_dir() -> Path:
    """Return the cache folder: the environment variable NETSIM_CACHE, else ~/.cache/netsim."""
    return Path(os.environ.get("NETSIM_CACHE") or "~/.cache/netsim").expanduser()


def load_integers(name: str) -> dict[str, int] | None:
    """Return the integers stored under `name`; None where there are none or the file cannot be read."""
    try:
        content = json.loads((cache_dir() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    valid = isinstance(content, dict) and all(isinstance(value, int) for value in content.values())
    return content if valid else None


def store_integers(name: str, numbers: Mapping[str, int]) -> None:
    """Store integers under `name` atomically; a cache that cannot be written is not an error."""
    target = cache_dir() / f"{name}.json"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=target.parent, suffix=".json")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(numbers), file)
        os.replace(partial, target)
    except OSError:
        return
