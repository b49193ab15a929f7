"""`netsim list`: included scenarios, topologies and parts with arguments, defaults and references."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator, Mapping

from netsim.cli.exit_codes import InputError
from netsim.results.bibliography import citation_keys, label_of

CHANNELS = (
    "networks", "pathlosses", "shadowings", "placements", "fadings", "laws", "rate maps", "losses", "traces",
)  # fmt: skip
"""Kinds that `netsim list channels` shows together."""


def list_command(kind: str | None, verbose: bool = False) -> int:
    """Print one kind, or all; with `verbose` the whole docstrings of parts."""
    from netsim.scenario import part_registries, shipped

    parts_by_kind: dict[str, Mapping[str, type] | list[str]] = {
        "scenarios": shipped("scenarios"),
        "topologies": shipped("topologies"),
        **part_registries(),
    }
    if kind is not None and kind not in parts_by_kind and kind != "channels":
        raise InputError(f"unknown kind '{kind}'; known kinds: channels, {', '.join(parts_by_kind)}")
    names = CHANNELS if kind == "channels" else (kind,) if kind else tuple(parts_by_kind)
    for name in names:
        sys.stdout.write("\n".join(_part_lines(name, parts_by_kind[name], verbose)) + "\n")
    if kind == "channels" or kind is None:
        sys.stdout.write("\n".join(_presets(verbose)) + "\n")
    return 0


def _part_lines(kind: str, parts: Mapping[str, type] | list[str], verbose: bool) -> Iterator[str]:
    yield f"{kind}:"
    if isinstance(parts, list):
        yield from (f"  {name}" for name in parts)
        return
    for name, part in parts.items():
        yield f"  {name}{_signature(part)}"
        text = inspect.cleandoc(part.__doc__ or "").splitlines()
        yield from (f"      {line}".rstrip() for line in (text if verbose else text[:1]))
        if keys := citation_keys(part):
            yield f"      references: {', '.join(map(label_of, keys))}"


def _presets(verbose: bool) -> Iterator[str]:
    """Yield the cell presets with their sources, and with all numbers if `verbose`."""
    from netsim.network import PRESETS, SOURCES, Cell
    from netsim.scenario import format_field_value

    units = {field.name: field for field in dataclasses.fields(Cell)}

    yield "presets of cell:"
    for name, radio in PRESETS.items():
        yield f"  {name}"
        yield f"      {SOURCES[name]}"
        if verbose:
            text = (
                (f.name, format_field_value(units[f.name], getattr(radio, f.name)))
                for f in dataclasses.fields(radio)
            )
            yield from (f"      {name}: {value}" for name, value in text)
    yield "constants of a paper, as a scenario (`netsim check hier_qsgd`):"
    yield "  hier_qsgd"
    yield "      delay 33 s and 330 s up, 2 s per local step: Hier-QSGD, arXiv:2103.14272, authors' options.py"


def _signature(part: type) -> str:
    fields = [field for field in dataclasses.fields(part) if field.init]
    return f"({', '.join(_field(field) for field in fields)})" if fields else ""


def _field(field: dataclasses.Field[object]) -> str:
    from netsim.scenario import format_default

    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return field.name
    return f"{field.name}={format_default(field)}"
