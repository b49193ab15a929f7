"""What is wrong with a scenario, said with place, value, rule and the nearest right spelling."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]


class ScenarioError(Exception):
    """The user's scenario cannot be used; `str` is one line per problem.

    A line reads `file:line:column: path: what is wrong and what would be right`, or starts with
    `command line:` where an override is to blame. `lines` holds them one by one.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(_one_line(line) for line in lines)
        super().__init__("\n".join(self.lines))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[str, ...]]]:
        return type(self), (self.lines,)


def _one_line(line: str) -> str:
    """The line with what a terminal would obey, and not show, escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at `loc`; `of_key` says that the key is to blame, not its value."""

    loc: Loc
    message: str
    of_key: bool = False

    def below(self, *prefix: str | int) -> Problem:
        """The same problem seen from `prefix` above."""
        return replace(self, loc=(*prefix, *self.loc))


def refusal(problems: Sequence[Problem], value: object = None) -> ValidationError:
    """The problems as pydantic's error, so that they keep their places when validators nest."""
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
    """Pydantic's errors in this project's words; `known` are the keys allowed at the top of the value."""
    names = list(known)
    errors = error.errors(include_url=False)
    meant = {
        (*details["loc"][:-1], guess)
        for details in errors
        if details["type"] == "extra_forbidden" and (guess := _closest(str(details["loc"][-1]), names))
    }
    # a misspelt key is one mistake, though its right spelling is missing too
    return [_problem(e, names) for e in errors if e["type"] != "missing" or e["loc"] not in meant]


def path_of(loc: Loc) -> str:
    """`("network", 0, "cell")` as `network[0].cell`; keys that are no plain words are quoted in brackets."""
    text = ""
    for key in loc:
        if isinstance(key, int):
            text += f"[{key}]"
        elif re.fullmatch(r"[\w-]+", key):
            text += f".{key}" if text else key
        else:
            text += f'["{key}"]'
    return text


def shown(value: object) -> str:
    """A value as an error quotes it: short, and None as the YAML writer knows it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping with " + (", ".join(str(key) for key in list(value)[:5]) or "no keys")
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where something known is close, and always the list of what is known."""
    names = sorted(known)
    close = _closest(word, names)
    guess = f"; did you mean '{close}'?" if close else ""
    return f"{guess} (known: {', '.join(names)})" if names else guess


def _closest(word: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), None)


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What an unknown key is told."""
    names = list(known)
    return f"unknown key '{key}'" + (nearest(key, names) if names else "; no keys are allowed here")


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
        return Problem(loc, f"must be {rule}, got {shown(value)}" + _spelling(kind, value, context))
    return Problem(loc, f"{details['msg']}, got {shown(value)}")


def _spelling(kind: str, value: object, context: Mapping[str, object]) -> str:
    """Remedies for the commonest slips: a misspelt word, one thing where a list stands."""
    if kind == "literal_error" and isinstance(value, str):
        close = difflib.get_close_matches(value, re.findall(r"'([^']*)'", str(context["expected"])), n=1)
        return f"; did you mean '{close[0]}'?" if close else ""
    if kind in ("list_type", "tuple_type") and isinstance(value, int | float | str):
        entries = re.split(r"[,;\s]+", str(value).strip())
        return f"; write [{', '.join(entries)}]"
    return ""
