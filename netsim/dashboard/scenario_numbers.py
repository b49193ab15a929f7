"""The numbers of a scenario's text: where each stands, and the text with one of them changed; comments stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from netsim.scenario import yaml_document
from netsim.scenario.errors import Loc, format_path
from netsim.scenario.yaml_document import UnreadableError
from netsim.units import DIMENSIONS, parse

MOST = 80
"""Numbers that get a field; a topology written out has thousands."""
_PLAIN = re.compile(r"[\w.+][\w .+/%-]{0,39}|-[\w .+/%-]{1,39}")
_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_LEFT_OUT: tuple[Loc, ...] = (("sweep",), ("topology", "tree"))
"""Places whose numbers are no settings of one run, or stand for nodes."""


@dataclass(frozen=True)
class Number:
    """A number, perhaps with its unit, in a text: its path as overrides spell it, and where it begins and ends."""

    path: str
    text: str
    begin: int
    end: int


def numbers_of(text: str) -> list[Number]:
    """The numbers of a scenario's text in its order, at most MOST. Raises UnreadableError for what is no scenario."""
    return [scalar for scalar, is_number in _scalars(text) if is_number][:MOST]


def changed(text: str, path: str, value: str) -> str:
    """The text with another value at the path of a number, or of what was put in its place.

    Raises ValueError for a value that is more than a word and a unit, UnreadableError where the text is no YAML.
    """
    place = next((scalar for scalar, _ in _scalars(text) if scalar.path == path), None)
    if place is None:
        raise ValueError(f"{path}: nothing stands there any more; change the text")
    fresh = text[: place.begin] + value.strip() + text[place.end :]
    if not _PLAIN.fullmatch(value.strip()) or not _is_readable(fresh):
        raise ValueError(f"{path}: must be a number, with its unit if it has one, got {value[:40]!r}")
    return fresh


def _is_readable(text: str) -> bool:
    try:
        yaml_document.parse(text)
    except UnreadableError:
        return False
    return True


def _scalars(text: str) -> Iterator[tuple[Number, bool]]:
    """Every plain scalar below the top, and whether it is a number."""
    yaml_document.parse(text)  # refuses what must not be read
    node = YAML(typ="rt").compose(text)
    return iter(()) if node is None else _below(node, (), text, set())


def _below(node: Any, loc: Loc, text: str, seen: set[int]) -> Iterator[tuple[Number, bool]]:
    if id(node) in seen:  # an alias: its number stands elsewhere
        return
    seen.add(id(node))
    if node.id == "mapping":
        for key, value in node.value:
            if key.id == "scalar" and (*loc, key.value) not in _LEFT_OUT:
                yield from _below(value, (*loc, str(key.value)), text, seen)
    elif node.id == "sequence":
        for k, value in enumerate(node.value):
            yield from _below(value, (*loc, k), text, seen)
    elif node.style is None:
        written = text[node.start_mark.index : node.end_mark.index].rstrip()
        begin = int(node.start_mark.index)
        yield Number(format_path(loc), written, begin, begin + len(written)), _is_number(node)


def _is_number(node: Any) -> bool:
    return node.tag in _TAGS or any(_reads(node.value, dimension) for dimension in DIMENSIONS)


def _reads(value: str, dimension: str) -> bool:
    try:
        parse(value, dimension)
    except ValueError:
        return False
    return True
