"""What a field takes, in a reader's words: from its type as the author of the part wrote it."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, BeforeValidator
from pydantic.fields import FieldInfo

from netsim.scenario import PARTS
from netsim.scenario.algorithm_form import AlgorithmForm
from netsim.scenario.dataclass_schema import ReadsBy, DataclassForm
from netsim.scenario.parts import PartOf
from netsim.scenario.sweep_form import SweepForm
from netsim.units import DIMENSIONS, Quantity

_PLAIN = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", Any: "anything"}


def hints_of(cls: type) -> dict[str, Any]:
    """The types of a part's or section's fields, units and forms kept."""
    known = {part.protocol.__name__: part.protocol for part in PARTS.values()}
    return get_type_hints(cls, localns=known, include_extras=True)


def takes(hint: Any) -> str:
    """The kind of value, linked where it has a place of its own on the page."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _marked(inner)
    if origin in (Union, types.UnionType):
        named = dict.fromkeys(takes(arm) for arm in inner if arm is not types.NoneType)
        return " or ".join([*named, *(["`null`"] if types.NoneType in inner else [])])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and (kind := _kind(hint)):
        return link_to_part(kind)
    if isinstance(hint, type) and is_dataclass(hint):
        return link_to_record(hint)
    return _several(origin, inner)


def link_to_part(kind: str) -> str:
    """A link to where the parts of a kind are listed."""
    return f"[{kind}](#part-{kind.replace(' ', '-')})"


def link_to_record(cls: type) -> str:
    """A link to where the keys of a mapping are listed."""
    return f"[{cls.__name__.lower()}](#mapping-{cls.__name__.lower()})"


def bounds(hint: Any) -> list[str]:
    """Rules that the type itself states: `> 0` of a quantity, `>= 1` of a count, the alphabet of a name."""
    if get_origin(hint) is Annotated:
        said = [rule for mark in get_args(hint)[1:] for rule in _bound(mark)]
        return [*bounds(get_args(hint)[0]), *said]
    return list(dict.fromkeys(rule for arm in get_args(hint) for rule in bounds(arm)))


def said_of(cls: type) -> list[str]:
    """The docstring as Markdown, a line per paragraph or argument."""
    text = escaped(inspect.cleandoc(cls.__doc__ or "")).replace("Args:\n", "Arguments:\n\n")
    text = re.sub(r"^    (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"\n(?=- `)", "\n\n", text)
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return (
        "\n\n".join(filter(None, paragraphs))
        .replace("\n\n- `", "\n- `")
        .replace(":\n- `", ":\n\n- `")
        .splitlines()
    )


def escaped(text: str) -> str:
    """Angle brackets outside of code spans as entities: a browser would take them for tags."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;").replace(">", "&gt;") for piece in pieces[::2]]
    return "`".join(pieces)


def _marked(inner: Sequence[Any]) -> str:
    file = ", or a file's name" if any(map(_reads_files, inner[1:])) else ""
    for mark in inner[1:]:
        if isinstance(mark, Quantity):
            noun = DIMENSIONS[mark.dimension].noun
            return f"[{noun}](#units)"
        if isinstance(mark, PartOf):
            return link_to_part(mark.kind) + file
        if isinstance(mark, AlgorithmForm):
            return f"{link_to_part('recipe')}, or [its layers](#mapping-algorithm)"
        if isinstance(mark, ReadsBy):
            return _formed(mark)
    return takes(inner[0])


def _reads_files(mark: Any) -> bool:
    """Whether a bare word that is no part is taken for a file."""
    return isinstance(mark, BeforeValidator) and mark.func("x.yaml") == {"file": "x.yaml"}  # type: ignore[call-arg]


def _formed(mark: ReadsBy) -> str:
    if isinstance(mark.form, DataclassForm):
        return link_to_record(mark.form.cls)
    assert isinstance(mark.form, SweepForm)
    return "mapping of paths to lists ([sweeps](scenarios.md#sweeps))"


def _several(origin: Any, inner: Sequence[Any]) -> str:
    if isinstance(origin, type) and issubclass(origin, Sequence):
        items = [arm for arm in inner if arm is not Ellipsis]
        whole = "list of " if len(items) == 1 else "pair of "
        return whole + " and ".join(dict.fromkeys(takes(arm) for arm in items))
    return "mapping"


def _kind(hint: type) -> str | None:
    return next((kind for kind, part in PARTS.items() if part.protocol is hint), None)


def _bound(mark: Any) -> list[str]:
    if isinstance(mark, Quantity):
        return ["> 0"] if mark.positive else []
    if isinstance(mark, FieldInfo):
        return [rule for part in mark.metadata for rule in _bound(part)]
    if isinstance(mark, AfterValidator):
        return _objection(mark.func)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    return [f"{sign} {getattr(mark, name)}" for name, sign in signs.items() if hasattr(mark, name)]


def _objection(check: Any) -> list[str]:
    """The rule in the words with which a validator refuses nonsense."""
    try:
        check("?")
    except ValueError as error:
        return re.findall(r"must be (.+?), got", str(error))
    return []
