"""The numbers of a scenario's text: where each stands, and the text with one of them changed; comments stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from netsim.scenario import document
from netsim.scenario.errors import Loc, path_of
from netsim.units import DIMENSIONS, parse

MOST = 80
"""Numbers that get a field; a topology written out has thousands."""
_PLAIN = re.compile(r"[\w .+/%-]{1,40}")
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
    unit: str | None
    """What kind of quantity it is; None for a bare number."""


def numbers_of(text: str) -> list[Number]:
    """The numbers of a scenario's text in its order, at most MOST. Raises UnreadableError for what is no scenario."""
    document.parse(text)  # refuses what must not be read
    node = YAML(typ="rt").compose(text)
    found = [] if node is None else list(_below(node, (), text, set()))
    return found[:MOST]


def changed(text: str, path: str, value: str) -> str:
    """The text with another value at the path. Raises ValueError where the value could be more than a number."""
    number = next((number for number in numbers_of(text) if number.path == path), None)
    if number is None:
        raise ValueError(f"{path}: no number stands there any more")
    if not _PLAIN.fullmatch(value.strip()):
        raise ValueError(f"{path}: must be a number, with its unit if it has one, got {value[:40]!r}")
    return text[: number.begin] + value.strip() + text[number.end :]


def _below(node: Any, loc: Loc, text: str, seen: set[int]) -> Iterator[Number]:
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
    elif node.style is None and (unit := _kind(node)) is not None:
        begin, end = node.start_mark.index, node.end_mark.index
        yield Number(
            path_of(loc), text[begin:end].strip(), begin, begin + len(text[begin:end].rstrip()), unit or None
        )


def _kind(node: Any) -> str | None:
    """The dimension of a scalar, "" for a bare number, None for a word."""
    if node.tag in _TAGS:
        return ""
    for dimension in DIMENSIONS:
        try:
            parse(node.value, dimension)
        except ValueError:
            continue
        return dimension
    return None
