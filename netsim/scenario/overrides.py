"""Overrides: `network[0].cell.uplink=5 MHz` changes one place of a scenario's tree before it is validated."""

from __future__ import annotations

import copy
import re
from typing import Any

from netsim.scenario.errors import Loc, path_of, shown
from netsim.scenario.yaml_document import UnreadableError, parse

_STEP = re.compile(r"""\.?([^\s.\[\]="']+)|\[(\d+)\]|\.?\["([^"]*)"\]""")


class BadOverrideError(Exception):
    """An override that cannot be applied; `str` names it, the rule and the remedy."""


def split(override: str) -> tuple[Loc, Any]:
    """The path and the value of `path=value`; the value is read as YAML. Raises BadOverrideError."""
    path, equals, text = override.partition("=")
    if '["' in path and '"]' not in path:  # a quoted key may hold an equals sign
        head, end, tail = override.partition('"]')
        rest, equals, text = tail.partition("=")
        path = head + end + rest
    if not equals or not path.strip():
        raise BadOverrideError(f"'{override}' is no override; write key.path=value, e.g. stop.rounds=5")
    loc = steps(path.strip())
    try:
        return loc, parse(text).data
    except UnreadableError as error:
        raise BadOverrideError(f"{path_of(loc)}: {error.problem.message}") from None


def steps(path: str) -> Loc:
    """`network[0].cell` as `("network", 0, "cell")`. Raises BadOverrideError."""
    loc: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None or (at == 0 and path[0] in ".["):
            raise BadOverrideError(
                f"'{path}' is no path; write words and [numbers], e.g. network[0].cell.uplink"
            )
        word, index, quoted = step.groups()
        loc.append(int(index) if index is not None else word if word is not None else quoted)
        at = step.end()
    return tuple(loc)


def replaced(data: Any, loc: Loc, value: Any) -> tuple[Any, Loc]:
    """A copy of the tree with `value` at `loc`, and the path of the highest place that is new or changed.

    Mappings that are missing on the way are made, and a part's bare name opens (`up: qsgd` takes
    `up.qsgd.levels`); the schema judges the keys. Raises BadOverrideError where a list is too short or a plain value is
    in the way.
    """
    data = copy.deepcopy(data)
    changed: Loc | None = None
    node = data
    for depth, key in enumerate(loc):
        last = depth == len(loc) - 1
        _check(node, key, loc[:depth])
        new = isinstance(key, str) and key not in node
        if not last and isinstance(key, str) and (new or node[key] is None or node[key] == loc[depth + 1]):
            node[key] = {} if new or node[key] is None else {node[key]: {}}
            changed = changed or loc[: depth + 1]
        if last:
            node[key] = copy.deepcopy(value)
        node = node[key]
    return data, changed or loc


def _check(node: Any, key: str | int, above: Loc) -> None:
    """Whether `key` can be looked up or made in `node`."""
    place = path_of(above) or "the scenario"
    if isinstance(key, int):
        if not isinstance(node, list):
            raise BadOverrideError(f"{path_of((*above, key))}: {place} is no list but {shown(node)}")
        if key >= len(node):
            raise BadOverrideError(
                f"{path_of((*above, key))}: {place} has {len(node)} entries, counted from 0"
            )
    elif isinstance(node, list):
        raise BadOverrideError(
            f"{path_of((*above, key))}: {place} is a list; choose an entry, e.g. {place}[0].{key}"
        )
    elif not isinstance(node, dict):
        said = f"{place} is {shown(node)}, with nothing below it; write {place}=... whole"
        raise BadOverrideError(f"{path_of((*above, key))}: {said}")
