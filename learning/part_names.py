"""What a part is called in a digest: its class, every field whatever its repr shows, and a foreign part's source."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path

OURS = ("learning.", "netsim.")


NO_VALUE = {"values": False}
"""Metadata of a field that changes no decoded value (how a message is coded, how weights came about)."""


def part_name(part: object, whole: bool = False) -> str:
    """Equal for parts that give equal values; another field, or another source of a foreign class, is another name.

    Fields marked NO_VALUE count only in the `whole` name.
    """
    if isinstance(part, tuple | list):
        return f"[{', '.join(part_name(item, whole) for item in part)}]"
    if not is_dataclass(part) or isinstance(part, type):
        return repr(part)
    cls = type(part)
    named = [field for field in fields(part) if whole or field.metadata.get("values", True)]
    said = ", ".join(f"{field.name}={part_name(getattr(part, field.name), whole)}" for field in named)
    return f"{cls.__module__}:{cls.__qualname__}{_source(cls.__module__)}({said})"


def _source(module: str) -> str:
    file = None if module.startswith(OURS) else getattr(sys.modules.get(module), "__file__", None)
    return f"@{blake2b(Path(file).read_bytes(), digest_size=8).hexdigest()}" if file else ""
