"""What is worth keeping between runs and may be lost at any time: decoded images, counts of modules."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def cache_dir() -> Path:
    """The environment's NETSIM_CACHE, else ~/.cache/netsim."""
    return Path(os.environ.get("NETSIM_CACHE") or "~/.cache/netsim").expanduser()


def remembered(name: str) -> dict[str, int] | None:
    """Whole numbers kept under `name`; None where there are none, or what is there cannot be read."""
    try:
        found = json.loads((cache_dir() / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and all(isinstance(value, int) for value in found.values())
    return found if whole else None


def remember(name: str, numbers: Mapping[str, int]) -> None:
    """Keep whole numbers under `name`, all or none; a cache that cannot be written is not an error."""
    target = cache_dir() / f"{name}.json"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=target.parent, suffix=".json")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(numbers), file)
        os.replace(partial, target)
    except OSError:
        return
