"""`docs/yaml.md`: every section, key and part of a scenario file, from the schema that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from pydantic.fields import FieldInfo

from netsim.docgen.argument_rules import rules_of
from netsim.docgen.field_types import bounds, hints_of, said_of, takes
from netsim.scenario import PARTS, Scenario, format_default
from netsim.scenario.algorithm_form import AlgorithmForm
from netsim.scenario.dataclass_schema import ReadsBy, DataclassForm, arguments_of, is_required
from netsim.scenario.schema import Section
from netsim.units import DIMENSIONS

_HEAD = """\
# Scenario files: every key

<!-- Made by `make docs` from the schema; change the parts' docstrings, not this page. -->

[scenarios.md](scenarios.md) explains how files are written, `netsim init` writes a commented one, `netsim check FILE`
judges one. Lists run from the devices up (layer 1 first); only `fanout` is written from the cloud down. A **part** is
written as a bare name (`iid`), as a name with arguments (`{dirichlet: {alpha: 0.3}}`), as a name with its first
argument (`{lognormal: 0.4}`), or as `{"package.module:Name": {...}}`, [your own](howto/own-part.md). **Rules** are
quoted from the errors that the program gives for values that break them; every number must be finite besides, and laws
that join several keys are told by `netsim check`. A default of *required* has to be written.
"""


def scenarios_page() -> str:
    """The page: units, sections, mappings inside them, parts by kind."""
    return "\n".join([_HEAD, *_units(), *_sections(), *_mappings(), *_parts()])


def _units() -> Iterator[str]:
    yield from (
        "## Units",
        "",
        "A number with a dimension is a text with one of these units; a bare one is refused.",
        "",
    )
    yield from ("| dimension | units | example |", "|---|---|---|")
    for table in DIMENSIONS.values():
        units = ", ".join(f"`{unit}`" for unit in (*table.units, *table.conversions))
        yield f"| {table.noun} | {units} | `{table.example}` |"
    yield ""


def _sections() -> Iterator[str]:
    yield from ("## The whole file", "", *said_of(Scenario)[:1], "", *_section_table(Scenario))
    for name, field in Scenario.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from (f"## `{name}`", "", *said_of(field.annotation), "")
            yield from _section_table(field.annotation)


def _section_table(cls: type[Section]) -> Iterator[str]:
    yield from _table_head("key")
    hints = hints_of(cls)
    for name, field in cls.model_fields.items():
        below = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        what = f"[section](#{name})" if below else takes(hints[name])
        yield _row(name, what, _section_default(field), "; ".join(bounds(hints[name])))
    yield ""


def _section_default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    default = field.default
    if isinstance(default, Section):
        return ", ".join(f"`{key}: {value}`" for key, value in default)
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    if not is_dataclass(default):
        return f"`{'null' if default is None else default}`"
    try:
        return f"`{PARTS.dump_part(default)}`"
    except ValueError:
        return "its own defaults" if arguments_of(type(default)) and default else "none"


def _mappings() -> Iterator[str]:
    for cls in _records():
        yield from (f"## Mapping: {cls.__name__.lower()}", "", *said_of(cls), "", *_argument_table(cls))


def _records() -> list[type]:
    """Dataclasses that are no parts, in the order in which the file's keys and the parts' lead to them."""
    found: dict[type, None] = {}

    def iteration(hint: Any) -> None:
        for cls in _mentioned(hint):
            if cls not in found:
                found[cls] = None
                for inner in _argument_hints(cls):
                    iteration(inner)

    for cls in (Scenario, *(part for kind in PARTS.values() for part in kind.registry.values())):
        for hint in _argument_hints(cls):
            iteration(hint)
    return list(found)


def _argument_hints(cls: type) -> list[Any]:
    """The types of what a file can write: a section's keys, a dataclass's arguments."""
    names = [f.name for f in arguments_of(cls)] if is_dataclass(cls) else list(Scenario.model_fields)
    hints = hints_of(cls)
    return [hints[name] for name in names]


def _mentioned(hint: Any) -> Iterator[type]:
    """Plain dataclasses somewhere in a type."""
    marks = getattr(hint, "__metadata__", ())
    for mark in marks:
        if isinstance(mark, AlgorithmForm):
            yield mark.layers_form.cls
        elif isinstance(mark, ReadsBy) and isinstance(mark.form, DataclassForm):
            yield mark.form.cls
    if any(isinstance(mark, ReadsBy) for mark in marks):
        return
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for arm in getattr(hint, "__args__", ()):
        yield from _mentioned(arm)


def _parts() -> Iterator[str]:
    for kind, part in PARTS.items():
        yield from (f"## Part: {kind}", "", _first(part.protocol), "")
        for name, cls in part.registry.items():
            yield from (f"### {kind} `{name}`", "", *said_of(cls), "")
            if arguments_of(cls):
                yield from _argument_table(cls)


def _first(protocol: type) -> str:
    return said_of(protocol)[0]


def _argument_table(cls: type) -> Iterator[str]:
    yield from _table_head("argument")
    hints, rules = hints_of(cls), rules_of(cls)
    for field in arguments_of(cls):
        default = "*required*" if is_required(field) else f"`{format_default(field)}`"
        yield _row(field.name, takes(hints[field.name]), default, rules[field.name])
    yield ""


def _table_head(first: str) -> tuple[str, str]:
    return f"| {first} | takes | default | rule |", "|---|---|---|---|"


def _row(name: str, what: str, default: str, rule: str) -> str:
    return f"| `{name}` | {what} | {default} | {rule.replace('|', chr(92) + '|')} |"
