"""The text that identifies a part in a digest: its class, its fields, and the source of an external class."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path

OWN_PACKAGES = ("learning", "netsim")

VALUE_NEUTRAL = {"affects_values": False}
"""Metadata of a field that changes no decoded value: how a message is coded, how weights are derived."""


def part_name(part: object, with_coding: bool = False) -> str:
    """Return the text that identifies a part; equal parts have equal texts, in every process.

    A class of this project is identified by its root package and qualified name, so that the text does not depend on
    the module in which the class is defined. An external class is identified by its module, its qualified name and a
    hash of its source file. Fields marked VALUE_NEUTRAL are included only `with_coding`.
    """
    if isinstance(part, tuple | list):
        return f"[{', '.join(part_name(item, with_coding) for item in part)}]"
    if not is_dataclass(part) or isinstance(part, type):
        return repr(part)
    included = [field for field in fields(part) if with_coding or field.metadata.get("affects_values", True)]
    arguments = ", ".join(
        f"{field.name}={part_name(getattr(part, field.name), with_coding)}" for field in included
    )
    return f"{class_name(type(part))}({arguments})"


def class_name(cls: type) -> str:
    """Return the text that identifies a class; see `part_name`."""
    package = cls.__module__.partition(".")[0]
    if package in OWN_PACKAGES:
        return f"{package}:{cls.__qualname__}"
    return f"{cls.__module__}:{cls.__qualname__}{_source_hash(cls.__module__)}"


def _source_hash(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    return f"@{blake2b(Path(file).read_bytes(), digest_size=8).hexdigest()}" if file else ""
