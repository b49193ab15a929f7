"""Rules of arguments, taken from the error messages that the program raises for invalid values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, ValidationError
from pydantic.fields import FieldInfo

from netsim.docgen.field_types import type_hints
from netsim.scenario import PARTS
from netsim.scenario.dataclass_schema import arguments_of, is_required
from netsim.scenario.errors import problems_of
from netsim.units import DIMENSIONS, Quantity

_INVALID_VALUES = (-1, 0, -0.5, 0.5, 1.0, 1.5, 1e40, 10**40, "nonsense")
_VALID_VALUES = {int: (2, 1, 8), float: (0.5, 2.0, 0.1), str: ("x",), bool: (True,)}
_IMPLIED_BY_TYPE = re.compile(r"finite|an? (number|integer|text|mapping|list).{0,16}|true or false|'.*")
"""Rules that are not listed: they follow from the type of the argument, or hold for every number."""


def argument_rules(cls: type) -> dict[str, str]:
    """The rule of each argument of a part; empty if every value of its type is valid."""
    hints = type_hints(cls)
    base = _example(cls)
    rules: dict[str, str] = {}
    for field in arguments_of(cls):
        stated = type_rules(hints[field.name])
        tried = [] if base is None else _rules_from_errors(cls, base, field.name, hints[field.name])
        rules[field.name] = "; ".join(dict.fromkeys([*stated, *tried]))
    return rules


def _rules_from_errors(cls: type, base: dict[str, Any], name: str, hint: Any) -> Iterator[str]:
    """Rules in the error messages for invalid values of the argument."""
    invalid = (
        [[value] * len(base.get(name, [0, 0])) for value in _INVALID_VALUES]
        if _is_list(hint)
        else _INVALID_VALUES
    )
    for value in invalid:
        for message in _error_messages(cls, {**base, name: value}):
            rule = re.match(r"(?:\w+ )?must be (.+?), got", message)
            if rule and not _IMPLIED_BY_TYPE.fullmatch(rule[1]):
                yield rule[1]


def _error_messages(cls: type, arguments: dict[str, Any]) -> list[str]:
    try:
        part = PARTS.dataclass_forms.build(cls, arguments)
        if issubclass(cls, tuple(PARTS["recipe"].registry.values())):
            part.to_algorithm()  # checks most rules of a recipe
    except ValidationError as error:
        return [problem.message for problem in problems_of(error)]
    except ValueError as error:
        return [str(error)]
    return []


def _example(cls: type) -> dict[str, Any] | None:
    """Valid arguments of the part in scenario notation; None if none was found."""
    hints = type_hints(cls)
    required = [field.name for field in arguments_of(cls) if is_required(field)]
    optional = [field.name for field in arguments_of(cls) if not is_required(field)]
    for names in (required, *([*required, name] for name in optional)):
        for values in itertools.product(*(_candidates(hints[name]) for name in names)):
            arguments = dict(zip(names, values, strict=True))
            if not _error_messages(cls, arguments):
                return arguments
    return None


def _candidates(hint: Any) -> Sequence[Any]:
    """Values of a type that are usually valid."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        marks = [mark for mark in inner if isinstance(mark, Quantity)]
        return [DIMENSIONS[mark.dimension].example for mark in marks] or _candidates(inner[0])
    if origin is Literal:
        return inner[:1]
    if hint in _VALID_VALUES:
        return _VALID_VALUES[hint]
    if _is_list(hint):
        items = [value for arm in inner if arm is not Ellipsis for value in _candidates(arm)[:1]]
        return [items if len(items) > 1 else items * 2, *([[1, 2]] if items == [2] else [])]
    kinds = [part for part in PARTS.values() if part.protocol is hint]
    return [value for arm in inner for value in _candidates(arm)] + [
        name for part in kinds for name in part.registry
    ]


def _is_list(hint: Any) -> bool:
    return isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Sequence)


def type_rules(hint: Any) -> list[str]:
    """Rules stated by the type: `> 0` of a quantity, `>= 1` of a count, the alphabet of a name."""
    if get_origin(hint) is Annotated:
        rules = [rule for mark in get_args(hint)[1:] for rule in _annotation_rules(mark)]
        return [*type_rules(get_args(hint)[0]), *rules]
    return list(dict.fromkeys(rule for arm in get_args(hint) for rule in type_rules(arm)))


def _annotation_rules(mark: Any) -> list[str]:
    if isinstance(mark, Quantity):
        return ["> 0"] if mark.positive else []
    if isinstance(mark, FieldInfo):
        return [rule for part in mark.metadata for rule in _annotation_rules(part)]
    if isinstance(mark, AfterValidator):
        return _validator_rules(mark.func)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    return [f"{sign} {getattr(mark, name)}" for name, sign in signs.items() if hasattr(mark, name)]


def _validator_rules(check: Any) -> list[str]:
    """The rule in the error message that a validator raises for an invalid text."""
    try:
        check("?")
    except ValueError as error:
        return re.findall(r"must be (.+?), got", str(error))
    return []
