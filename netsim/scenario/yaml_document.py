"""YAML documents: plain Python data with the line and column of every value."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from netsim.scenario.errors import Loc, Problem, format_path
from netsim.topology.tree import MAX_DEPTH as DEEPEST_TREE

MAX_TEXT_LENGTH = 5_000_000  # characters: a resolved scenario includes its topology
MAX_CACHED_LENGTH = 20_000  # characters of a text whose document is cached
MAX_REPEATED = 50_000  # values repeated by aliases: limits alias bombs
MAX_DEPTH = 20 + 2 * DEEPEST_TREE  # an inline topology has a list and a mapping per layer

_CIRCLE = f"unfolds to over {MAX_DEPTH} levels or {MAX_REPEATED} repeated values; do aliases run in a circle?"
_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_TAG = "tag:yaml.org,2002:"
_PLAIN_TEXT = ("str", "timestamp")  # a name may look like a date


@dataclass(frozen=True)
class Place:
    """Line and column, counted from 1, of a key and of its value."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass
class Document:
    """A parsed text: `data` consists of dicts, lists and scalars; `places` has the position of each path."""

    data: Any = None
    places: dict[Loc, Place] = field(default_factory=dict)

    def where(self, loc: Loc, *, of_key: bool = False) -> tuple[int, int]:
        """Return line and column of the path, or of its nearest ancestor in the text."""
        for end in range(len(loc), -1, -1):
            if place := self.places.get(loc[:end]):
                return place.key if of_key and end == len(loc) else place.value
        return (1, 1)


class UnreadableError(Exception):
    """The text is not YAML of plain data; `line` and `column` count from 1 (0: unknown)."""

    def __init__(self, problem: Problem, line: int = 0, column: int = 0) -> None:
        super().__init__(problem.message)
        self.problem, self.line, self.column = problem, line, column


def parse(text: str) -> Document:
    """Parse one YAML 1.2 document of plain data (`1e-3` is a number, `no` a string). Raises UnreadableError."""
    if len(text) > MAX_TEXT_LENGTH:
        raise UnreadableError(
            Problem((), f"the text has {len(text)} characters, at most {MAX_TEXT_LENGTH} are read")
        )
    if max(accumulate((c in "[{") - (c in "]}") for c in text), default=0) > 4 * MAX_DEPTH:
        raise UnreadableError(Problem((), _DEEP))  # the YAML library would need minutes to detect it
    if len(text) > MAX_CACHED_LENGTH:
        return _parse(text)
    cached = _parse_cached(text)
    return Document(deepcopy(cached.data), dict(cached.places))


@lru_cache(maxsize=64)
def _parse_cached(text: str) -> Document:
    """Parse once: sweeps, pages and the planner load the same text many times."""
    return _parse(text)


def _parse(text: str) -> Document:
    document = Document()
    node = _compose(text)
    if node is not None:
        try:
            document.data = _Reader(document).read(node, (), _mark(node))
        except RecursionError:  # a merge key that merges itself
            raise UnreadableError(Problem((), _CIRCLE)) from None
    return document


def _compose(text: str) -> Any:
    try:
        return YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise UnreadableError(Problem((), _syntax(error)), line, column) from None
    except RecursionError:
        raise UnreadableError(Problem((), _DEEP)) from None
    except Exception as error:  # the YAML library has no common base class of its errors
        raise UnreadableError(Problem((), f"this is not YAML: {str(error).splitlines()[0]}")) from None


def _syntax(error: MarkedYAMLError) -> str:
    text = ", ".join(str(part) for part in (error.context, error.problem) if part)
    if "'\\t'" in text:
        return "a tab stands where YAML wants spaces; indent with spaces"
    return f"this is not YAML: {text}"


def _mark(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


@dataclass
class _Reader:
    """Converts YAML nodes to data, records positions and counts values that aliases repeat."""

    document: Document
    count: int = 0
    visited: set[int] = field(default_factory=set)

    def read(self, node: Any, loc: Loc, key: tuple[int, int]) -> Any:
        self.count += 1
        self.visited.add(id(node))
        if self.count - len(self.visited) > MAX_REPEATED or len(loc) > MAX_DEPTH:
            raise UnreadableError(Problem((), _CIRCLE))
        self.document.places[loc] = Place(key, _mark(node))
        return self._value(node, loc)

    def _value(self, node: Any, loc: Loc) -> Any:
        tag = str(node.tag).removeprefix(_TAG)
        if node.id == "mapping" and tag in ("map", "omap"):
            return self._mapping(node, loc)
        if node.id == "sequence" and tag == "seq":
            return [self.read(item, (*loc, i), _mark(item)) for i, item in enumerate(node.value)]
        if node.id == "scalar":
            return _scalar(tag, node, loc)
        raise UnreadableError(Problem(loc, f"tag '{node.tag}' is not read; write plain data"), *_mark(node))

    def _mapping(self, node: Any, loc: Loc) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[Any] = []
        for place, (key, value) in enumerate(node.value):
            if key.tag == _TAG + "merge":
                merged += value.value if value.id == "sequence" else [value]
                continue
            name = _key(key, loc)
            if _is_bare_number(key, value):
                before = _key(node.value[place - 1][0], loc) if place else "key"
                text = f"'{name}' stands alone between commas; a list needs brackets: {before}: [..., {name}]"
                raise UnreadableError(Problem(loc, text), *_mark(key))
            if name in data:
                first = self.document.places[(*loc, name)].key
                text = f"written twice; the first stands on line {first[0]}"
                raise UnreadableError(Problem((*loc, name), text), *_mark(key))
            data[name] = self.read(value, (*loc, name), _mark(key))
        for pairs in merged:
            for key, value in _pairs(pairs, loc):
                if (name := _key(key, loc)) not in data:
                    data[name] = self.read(value, (*loc, name), _mark(key))
        return data


def _pairs(node: Any, loc: Loc) -> Iterator[tuple[Any, Any]]:
    if node.id != "mapping":
        raise UnreadableError(Problem(loc, "'<<' merges mappings only"), *_mark(node))
    for key, value in node.value:
        if key.tag != _TAG + "merge":
            yield key, value
            continue
        for inner in value.value if value.id == "sequence" else [value]:
            yield from _pairs(inner, loc)


def _key(node: Any, loc: Loc) -> str:
    if node.id != "scalar" or (node.tag == _TAG + "null" and not node.value):
        raise UnreadableError(Problem(loc, "a key must be a word"), *_mark(node))
    return str(node.value)


def _is_bare_number(key: Any, value: Any) -> bool:
    """Return whether a number without value is in the place of a key: the rest of a list without brackets."""
    number = key.tag in (_TAG + "int", _TAG + "float")
    return number and value.id == "scalar" and value.tag == _TAG + "null" and not value.value


def _scalar(tag: str, node: Any, loc: Loc) -> str | int | float | bool | None:
    text = str(node.value)
    if tag in _PLAIN_TEXT:
        return text
    if tag == "null":
        return None
    try:
        if tag == "bool":
            return {"true": True, "false": False}[text.lower()]
        if tag == "int":
            digits = text.replace("_", "")
            return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10)
        if tag == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except (ValueError, KeyError):
        format_value = text if len(text) <= 40 else text[:37] + "..."
        raise UnreadableError(Problem(loc, f"{format_value} is not a readable {tag}"), *_mark(node)) from None
    raise UnreadableError(Problem(loc, f"tag '{node.tag}' is not read; write plain data"), *_mark(node))


def line_of(name: str, unreadable: UnreadableError) -> str:
    """The error line of a text that could not be read."""
    place = f"{name}:{unreadable.line}:{unreadable.column}" if unreadable.line else name
    path = format_path(unreadable.problem.loc)
    return f"{place}: {path + ': ' if path else ''}{unreadable.problem.message}"
