"""Errors in scenarios: place, value, rule and the nearest known spelling."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]


class ScenarioError(Exception):
    """A scenario is invalid; `str` has one line per problem, `lines` has them as a tuple.

    A line reads `file:line:column: path: problem and remedy`, or starts with `command line:` if an override causes it.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(_one_line(line) for line in lines)
        super().__init__("\n".join(self.lines))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[str, ...]]]:
        return type(self), (self.lines,)


def _one_line(line: str) -> str:
    """Return the line with control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


@dataclass(frozen=True)
class Problem:
    """A problem at `loc`; with `of_key` the key is wrong, otherwise its value."""

    loc: Loc
    message: str
    of_key: bool = False

    def under(self, *prefix: str | int) -> Problem:
        """Return the problem with `prefix` before its location."""
        return replace(self, loc=(*prefix, *self.loc))


def validation_error(problems: Sequence[Problem], value: object = None) -> ValidationError:
    """Return the problems as pydantic's error, which keeps their locations when validators nest."""
    return ValidationError.from_exception_data(
        "scenario",
        [
            InitErrorDetails(
                type=PydanticCustomError("of_key" if problem.of_key else "of_value", problem.message),
                loc=problem.loc,
                input=value,
            )
            for problem in problems
        ],
    )


def problems_of(error: ValidationError, known: Iterable[str] = ()) -> list[Problem]:
    """Translate pydantic's errors; `known` are the keys allowed at the top of the value."""
    names = list(known)
    errors = error.errors(include_url=False)
    meant = {
        (*details["loc"][:-1], guess)
        for details in errors
        if details["type"] == "extra_forbidden" and (guess := _closest(str(details["loc"][-1]), names))
    }
    # a misspelt key is one problem, although the correct key is missing too
    return [_problem(e, names) for e in errors if e["type"] != "missing" or e["loc"] not in meant]


def format_path(loc: Loc) -> str:
    """Return `("network", 0, "cell")` as `network[0].cell`; keys with other characters are quoted in brackets."""
    text = ""
    for key in loc:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[\w-]+", key):
            text += f".{key}" if text else key
        else:
            text += f'["{key}"]'
    return text


def format_value(value: object) -> str:
    """Return a value as errors quote it: shortened, and None as `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping with " + (", ".join(str(key) for key in list(value)[:5]) or "no keys")
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` if a known word is close, and the list of known words."""
    names = sorted(known)
    close = _closest(word, names)
    guess = f"; did you mean '{close}'?" if close else ""
    return f"{guess} (known: {', '.join(names)})" if names else guess


def _closest(word: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for an unknown key."""
    names = list(known)
    return f"unknown key '{key}'" + (suggestion(key, names) if names else "; no keys are allowed here")


_RULES = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing_size": "a smaller integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "typed_dict_type": "a mapping (key: value)",
    "finite_number": "a finite number",
    "greater_than": "> {gt}",
    "greater_than_equal": ">= {ge}",
    "less_than": "< {lt}",
    "less_than_equal": "<= {le}",
    "literal_error": "{expected}",
}


def _problem(details: ErrorDetails, known: Sequence[str]) -> Problem:
    kind, loc, value = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    if kind in ("of_key", "of_value"):
        return Problem(loc, details["msg"], of_key=kind == "of_key")
    if kind == "extra_forbidden":
        return Problem(loc, unknown_key(str(loc[-1]), known), of_key=True)
    if kind == "missing":
        return Problem(loc, "required, but missing")
    if kind == "value_error":
        return Problem(loc, str(context.get("error", details["msg"])))
    if kind in ("too_short", "too_long"):
        bound = ("at least {min_length}" if kind == "too_short" else "at most {max_length}").format_map(
            context
        )
        return Problem(loc, f"must have {bound} entries, got {context['actual_length']}")
    if kind in _RULES:
        rule = _RULES[kind].format_map(context)
        return Problem(loc, f"must be {rule}, got {format_value(value)}" + _remedy(kind, value, context))
    return Problem(loc, f"{details['msg']}, got {format_value(value)}")


def _remedy(kind: str, value: object, context: Mapping[str, object]) -> str:
    """Return a remedy for common mistakes: a misspelt word, a single value instead of a list."""
    if kind == "literal_error" and isinstance(value, str):
        close = difflib.get_close_matches(value, re.findall(r"'([^']*)'", str(context["expected"])), n=1)
        return f"; did you mean '{close[0]}'?" if close else ""
    if kind in ("list_type", "tuple_type") and isinstance(value, int | float | str):
        entries = re.split(r"[,;\s]+", str(value).strip())
        return f"; write [{', '.join(entries)}]"
    return ""
