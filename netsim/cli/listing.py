"""`netsim list`: what ships, with arguments and defaults."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping

from netsim.cli.guard import InputError


def list_command(kind: str | None) -> int:
    """Print one kind, or all of them."""
    from netsim.scenario import part_registries, shipped

    shelves: dict[str, Mapping[str, type] | list[str]] = {
        "scenarios": shipped("scenarios"),
        "topologies": shipped("topologies"),
        **part_registries(),
    }
    if kind is not None and kind not in shelves:
        raise InputError(f"there is no kind '{kind}' to list; there are {', '.join(shelves)}")
    for name in [kind] if kind else shelves:
        sys.stdout.write("\n".join(_shelf(name, shelves[name])) + "\n")
    return 0


def _shelf(kind: str, shelf: Mapping[str, type] | list[str]) -> Iterator[str]:
    yield f"{kind}:"
    if isinstance(shelf, list):
        yield from (f"  {name}" for name in shelf)
        return
    for name, part in shelf.items():
        yield f"  {name}{_signature(part)}"
        yield f"      {(part.__doc__ or '').strip().splitlines()[0]}"


def _signature(part: type) -> str:
    fields = [field for field in dataclasses.fields(part) if field.init]
    return f"({', '.join(_field(field) for field in fields)})" if fields else ""


def _field(field: dataclasses.Field[object]) -> str:
    from netsim.scenario import shown_default

    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return field.name
    return f"{field.name}={shown_default(field)}"
