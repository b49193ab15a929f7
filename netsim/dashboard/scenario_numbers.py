"""The numbers in a scenario's YAML text: their positions, and replacement of one number with comments preserved."""

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

MAX_NUMBERS = 80
"""Maximum number of input fields; an inline topology has thousands of numbers."""
_NUMBER_TEXT = re.compile(r"[\w.+][\w .+/%-]{0,39}|-[\w .+/%-]{1,39}")
_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_EXCLUDED: tuple[Loc, ...] = (("sweep",), ("topology", "tree"))
"""Paths without fields: lists of sweep values, and inline trees."""


@dataclass(frozen=True)
class Number:
    """A number, possibly with a unit: its override path, its text, and its position in the scenario's text."""

    path: str
    text: str
    begin: int
    end: int


def find_numbers(text: str) -> list[Number]:
    """The first `MAX_NUMBERS` numbers of a scenario's text in order. Raises UnreadableError for invalid YAML."""
    return [scalar for scalar, is_number in _scalars(text) if is_number][:MAX_NUMBERS]


def replace_number(text: str, path: str, value: str) -> str:
    """The text with another value for the plain scalar at `path`.

    Raises ValueError for a value that is more than a number with a unit, UnreadableError for invalid YAML.
    """
    target = next((scalar for scalar, _ in _scalars(text) if scalar.path == path), None)
    if target is None:
        raise ValueError(f"{path}: the text has no value at this path; change the text")
    new_text = text[: target.begin] + value.strip() + text[target.end :]
    if not _NUMBER_TEXT.fullmatch(value.strip()) or not _is_readable(new_text):
        raise ValueError(f"{path}: must be a number, with its unit if it has one, got {value[:40]!r}")
    return new_text


def _is_readable(text: str) -> bool:
    try:
        yaml_document.parse(text)
    except UnreadableError:
        return False
    return True


def _scalars(text: str) -> Iterator[tuple[Number, bool]]:
    """Every plain scalar, and whether it is a number."""
    yaml_document.parse(text)  # raises UnreadableError for invalid or unsafe YAML
    node = YAML(typ="rt").compose(text)
    return iter(()) if node is None else _plain_scalars(node, (), text, set())


def _plain_scalars(node: Any, loc: Loc, text: str, visited: set[int]) -> Iterator[tuple[Number, bool]]:
    if id(node) in visited:  # an alias: its anchor has the number
        return
    visited.add(id(node))
    if node.id == "mapping":
        for key, value in node.value:
            if key.id == "scalar" and (*loc, key.value) not in _EXCLUDED:
                yield from _plain_scalars(value, (*loc, str(key.value)), text, visited)
    elif node.id == "sequence":
        for k, value in enumerate(node.value):
            yield from _plain_scalars(value, (*loc, k), text, visited)
    elif node.style is None:
        written = text[node.start_mark.index : node.end_mark.index].rstrip()
        begin = int(node.start_mark.index)
        yield Number(format_path(loc), written, begin, begin + len(written)), _is_number(node)


def _is_number(node: Any) -> bool:
    return node.tag in _TAGS or any(_is_quantity(node.value, dimension) for dimension in DIMENSIONS)


def _is_quantity(value: str, dimension: str) -> bool:
    try:
        parse(value, dimension)
    except ValueError:
        return False
    return True
