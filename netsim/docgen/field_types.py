"""Descriptions of the values that a field accepts, and of the rules that its type states."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator

from netsim.scenario import PARTS
from netsim.scenario.algorithm_form import AlgorithmForm
from netsim.scenario.dataclass_schema import DataclassForm, ReadsBy
from netsim.scenario.parts import PartOf
from netsim.scenario.sweep_form import SweepForm
from netsim.units import DIMENSIONS, Quantity

_SCALAR_NAMES = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    Any: "anything",
}


def type_hints(cls: type) -> dict[str, Any]:
    """The types of a part's or section's fields with their annotations (units, forms)."""
    protocols = {part.protocol.__name__: part.protocol for part in PARTS.values()}
    return get_type_hints(cls, localns=protocols, include_extras=True)


def describe_type(hint: Any) -> str:
    """A description of the values of a type, with a link to its section of the page if it has one."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _describe_annotated(inner)
    if origin in (Union, types.UnionType):
        named = dict.fromkeys(describe_type(arm) for arm in inner if arm is not types.NoneType)
        return " or ".join([*named, *(["`null`"] if types.NoneType in inner else [])])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if hint in _SCALAR_NAMES:
        return _SCALAR_NAMES[hint]
    if isinstance(hint, type) and (kind := _kind(hint)):
        return link_to_part(kind)
    if isinstance(hint, type) and is_dataclass(hint):
        return link_to_mapping(hint)
    return _describe_container(origin, inner)


def link_to_part(kind: str) -> str:
    """A link to the section that lists the parts of a kind."""
    return f"[{kind}](#part-{kind.replace(' ', '-')})"


def link_to_mapping(cls: type) -> str:
    """A link to the section that lists the keys of a mapping."""
    return f"[{cls.__name__.lower()}](#mapping-{cls.__name__.lower()})"


def docstring_lines(cls: type) -> list[str]:
    """The docstring as lines of Markdown, one line per paragraph or argument."""
    text = escape_html(inspect.cleandoc(cls.__doc__ or "")).replace("Args:\n", "Arguments:\n\n")
    text = re.sub(r"^    (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"\n(?=- `)", "\n\n", text)
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return (
        "\n\n".join(filter(None, paragraphs))
        .replace("\n\n- `", "\n- `")
        .replace(":\n- `", ":\n\n- `")
        .splitlines()
    )


def escape_html(text: str) -> str:
    """Replace angle brackets outside of code spans by HTML entities."""
    pieces = text.split("`")
    pieces[::2] = [piece.replace("<", "&lt;").replace(">", "&gt;") for piece in pieces[::2]]
    return "`".join(pieces)


def _describe_annotated(inner: Sequence[Any]) -> str:
    file = ", or a file's name" if any(map(_accepts_file_name, inner[1:])) else ""
    for mark in inner[1:]:
        if isinstance(mark, Quantity):
            noun = DIMENSIONS[mark.dimension].noun
            return f"[{noun}](#units)"
        if isinstance(mark, PartOf):
            return link_to_part(mark.kind) + file
        if isinstance(mark, AlgorithmForm):
            return f"{link_to_part('recipe')}, or [its layers](#mapping-algorithm)"
        if isinstance(mark, ReadsBy):
            return _describe_form(mark)
    return describe_type(inner[0])


def _accepts_file_name(mark: Any) -> bool:
    """Whether a validator interprets a text that is not the name of a part as a file name."""
    return isinstance(mark, BeforeValidator) and mark.func("x.yaml") == {"file": "x.yaml"}  # type: ignore[call-arg]


def _describe_form(mark: ReadsBy) -> str:
    if isinstance(mark.form, DataclassForm):
        return link_to_mapping(mark.form.cls)
    assert isinstance(mark.form, SweepForm)
    return "mapping of paths to lists ([sweeps](scenarios.md#sweeps))"


def _describe_container(origin: Any, inner: Sequence[Any]) -> str:
    if isinstance(origin, type) and issubclass(origin, Sequence):
        items = [arm for arm in inner if arm is not Ellipsis]
        container = "list of " if len(items) == 1 else "pair of "
        return container + " and ".join(dict.fromkeys(describe_type(arm) for arm in items))
    return "mapping"


def _kind(hint: type) -> str | None:
    return next((kind for kind, part in PARTS.items() if part.protocol is hint), None)
