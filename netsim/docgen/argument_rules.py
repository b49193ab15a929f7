"""Rules of arguments in the program's own words: wrong values are tried, and what refuses them is quoted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import ValidationError

from netsim.docgen.field_types import bounds, hints_of
from netsim.scenario import PARTS
from netsim.scenario.dataclass_schema import arguments_of, is_required
from netsim.scenario.errors import problems_of
from netsim.units import DIMENSIONS, Quantity

_WRONG = (-1, 0, -0.5, 0.5, 1.0, 1.5, 1e40, 10**40, "nonsense")
_USUAL = {int: (2, 1, 8), float: (0.5, 2.0, 0.1), str: ("x",), bool: (True,)}
_OF_TYPE = re.compile(r"finite|an? (number|integer|text|mapping|list).{0,16}|true or false|'.*")
"""Rules that the column before says already, or that hold for every number."""


def rules_of(cls: type) -> dict[str, str]:
    """The rule of each argument of a part, empty where any value of its type will do."""
    hints = hints_of(cls)
    base = _example(cls)
    found: dict[str, str] = {}
    for field in arguments_of(cls):
        stated = bounds(hints[field.name])
        tried = [] if base is None else _refusals(cls, base, field.name, hints[field.name])
        found[field.name] = "; ".join(dict.fromkeys([*stated, *tried]))
    return found


def _refusals(cls: type, base: dict[str, Any], name: str, hint: Any) -> Iterator[str]:
    """Rules quoted by errors about the argument, each once."""
    wrong = [[value] * len(base.get(name, [0, 0])) for value in _WRONG] if _is_list(hint) else _WRONG
    for value in wrong:
        for message in _objections(cls, {**base, name: value}):
            rule = re.match(r"(?:\w+ )?must be (.+?), got", message)
            if rule and not _OF_TYPE.fullmatch(rule[1]):
                yield rule[1]


def _objections(cls: type, arguments: dict[str, Any]) -> list[str]:
    try:
        part = PARTS.dataclass_forms.build(cls, arguments)
        if issubclass(cls, tuple(PARTS["recipe"].registry.values())):
            part.to_algorithm()  # where most of a recipe's laws are
    except ValidationError as error:
        return [problem.message for problem in problems_of(error)]
    except ValueError as error:
        return [str(error)]
    return []


def _example(cls: type) -> dict[str, Any] | None:
    """Arguments with which the part can be built, as a scenario writes them; None if none was found."""
    hints = hints_of(cls)
    needed = [field.name for field in arguments_of(cls) if is_required(field)]
    spare = [field.name for field in arguments_of(cls) if not is_required(field)]
    for names in (needed, *([*needed, name] for name in spare)):
        for values in itertools.product(*(_candidates(hints[name]) for name in names)):
            chosen = dict(zip(names, values, strict=True))
            if not _objections(cls, chosen):
                return chosen
    return None


def _candidates(hint: Any) -> Sequence[Any]:
    """A few usual values of a type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        marks = [mark for mark in inner if isinstance(mark, Quantity)]
        return [DIMENSIONS[mark.dimension].example for mark in marks] or _candidates(inner[0])
    if origin is Literal:
        return inner[:1]
    if hint in _USUAL:
        return _USUAL[hint]
    if _is_list(hint):
        few = [value for arm in inner if arm is not Ellipsis for value in _candidates(arm)[:1]]
        return [few if len(few) > 1 else few * 2, *([[1, 2]] if few == [2] else [])]
    kinds = [part for part in PARTS.values() if part.protocol is hint]
    return [value for arm in inner for value in _candidates(arm)] + [
        name for part in kinds for name in part.registry
    ]


def _is_list(hint: Any) -> bool:
    return isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Sequence)
