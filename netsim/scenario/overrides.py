"""Overrides: `network[0].cell.uplink=5 MHz` changes one value of a scenario before it is validated."""

from __future__ import annotations

import copy
import re
from typing import Any

from netsim.scenario.errors import Loc, format_path, format_value
from netsim.scenario.yaml_document import UnreadableError, parse

_STEP = re.compile(r"""\.?([^\s.\[\]="']+)|\[(\d+)\]|\.?\["([^"]*)"\]""")


class BadOverrideError(Exception):
    """An override that cannot be applied; `str` names it, the rule and the remedy."""


def parse_override(override: str) -> tuple[Loc, Any]:
    """Return path and value of `path=value`; the value is parsed as YAML. Raises BadOverrideError."""
    path, equals, text = override.partition("=")
    if '["' in path and '"]' not in path:  # a quoted key may hold an equals sign
        head, end, tail = override.partition('"]')
        rest, equals, text = tail.partition("=")
        path = head + end + rest
    if not equals or not path.strip():
        raise BadOverrideError(f"'{override}' is no override; write key.path=value, e.g. stop.rounds=5")
    loc = parse_path(path.strip())
    try:
        return loc, parse(text).data
    except UnreadableError as error:
        raise BadOverrideError(f"{format_path(loc)}: {error.problem.message}") from None


def parse_path(path: str) -> Loc:
    """Return `network[0].cell` as `("network", 0, "cell")`. Raises BadOverrideError."""
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


def replace_at(data: Any, loc: Loc, value: Any) -> tuple[Any, Loc]:
    """Return a copy of the data with `value` at `loc`, and the highest path that is new or changed.

    Missing mappings are created, and the bare name of a part becomes a mapping (`up: qsgd` accepts `up.qsgd.levels`);
    keys are validated later. Raises BadOverrideError if a list is too short or a scalar is in the way.
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
    """Raise BadOverrideError unless `key` can be looked up or created in `node`."""
    place = format_path(above) or "the scenario"
    if isinstance(key, int):
        if not isinstance(node, list):
            raise BadOverrideError(
                f"{format_path((*above, key))}: {place} is no list but {format_value(node)}"
            )
        if key >= len(node):
            raise BadOverrideError(
                f"{format_path((*above, key))}: {place} has {len(node)} entries, counted from 0"
            )
    elif isinstance(node, list):
        raise BadOverrideError(
            f"{format_path((*above, key))}: {place} is a list; choose an entry, e.g. {place}[0].{key}"
        )
    elif not isinstance(node, dict):
        text = f"{place} is {format_value(node)}, with nothing below it; write {place}=... whole"
        raise BadOverrideError(f"{format_path((*above, key))}: {text}")
