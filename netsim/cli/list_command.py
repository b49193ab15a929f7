"""`netsim list`: what ships, with a line on what it is, its arguments and defaults, and what it cites."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator, Mapping

from netsim.cli.error_handling import InputError
from netsim.results.references import cited

CHANNELS = (
    "networks", "pathlosses", "shadowings", "placements", "fadings", "laws", "rate maps", "losses", "traces",
)  # fmt: skip
"""The kinds that make up a channel, as `netsim list channels` shows them together."""


def list_command(kind: str | None, verbose: bool = False) -> int:
    """Print one kind, or all of them; `verbose` with formulas, defaults and sources as the parts state them."""
    from netsim.scenario import part_registries, shipped

    shelves: dict[str, Mapping[str, type] | list[str]] = {
        "scenarios": shipped("scenarios"),
        "topologies": shipped("topologies"),
        **part_registries(),
    }
    if kind is not None and kind not in shelves and kind != "channels":
        raise InputError(f"there is no kind '{kind}' to list; there are channels, {', '.join(shelves)}")
    names = CHANNELS if kind == "channels" else (kind,) if kind else tuple(shelves)
    for name in names:
        sys.stdout.write("\n".join(_shelf(name, shelves[name], verbose)) + "\n")
    if kind == "channels" or kind is None:
        sys.stdout.write("\n".join(_presets(verbose)) + "\n")
    return 0


def _shelf(kind: str, shelf: Mapping[str, type] | list[str], verbose: bool) -> Iterator[str]:
    yield f"{kind}:"
    if isinstance(shelf, list):
        yield from (f"  {name}" for name in shelf)
        return
    for name, part in shelf.items():
        yield f"  {name}{_signature(part)}"
        said = inspect.cleandoc(part.__doc__ or "").splitlines()
        yield from (f"      {line}".rstrip() for line in (said if verbose else said[:1]))
        if rest := [mark for mark in cited(part) if mark not in " ".join(said if verbose else said[:1])]:
            yield f"      see {', '.join(rest)}"


def _presets(verbose: bool) -> Iterator[str]:
    """The cells that have a name, with every number and where it comes from."""
    from netsim.network import PRESETS, SOURCES, Cell
    from netsim.scenario import shown_value

    units = {field.name: field for field in dataclasses.fields(Cell)}

    yield "presets of cell:"
    for name, radio in PRESETS.items():
        yield f"  {name}"
        yield f"      {SOURCES[name]}"
        if verbose:
            said = (
                (f.name, shown_value(units[f.name], getattr(radio, f.name)))
                for f in dataclasses.fields(radio)
            )
            yield from (f"      {name}: {value}" for name, value in said)
    yield "constants of a paper, as a scenario (`netsim check hier_qsgd`):"
    yield "  hier_qsgd"
    yield "      delay 33 s and 330 s up, 2 s per local step: Hier-QSGD, arXiv:2103.14272, authors' options.py"


def _signature(part: type) -> str:
    fields = [field for field in dataclasses.fields(part) if field.init]
    return f"({', '.join(_field(field) for field in fields)})" if fields else ""


def _field(field: dataclasses.Field[object]) -> str:
    from netsim.scenario import shown_default

    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return field.name
    return f"{field.name}={shown_default(field)}"
