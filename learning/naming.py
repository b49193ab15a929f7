"""What a part is called in a digest: its class, every field whatever its repr shows, and a foreign part's source."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path

OURS = ("learning.", "netsim.")


def part_name(part: object) -> str:
    """Equal for equal parts; another field, or another source behind a foreign class, is another name."""
    if isinstance(part, tuple | list):
        return f"[{', '.join(map(part_name, part))}]"
    if not is_dataclass(part) or isinstance(part, type):
        return repr(part)
    cls = type(part)
    said = ", ".join(f"{field.name}={part_name(getattr(part, field.name))}" for field in fields(part))
    return f"{cls.__module__}:{cls.__qualname__}{_source(cls.__module__)}({said})"


def _source(module: str) -> str:
    file = None if module.startswith(OURS) else getattr(sys.modules.get(module), "__file__", None)
    return f"@{blake2b(Path(file).read_bytes(), digest_size=8).hexdigest()}" if file else ""
