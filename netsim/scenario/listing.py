"""Listing of parts for `netsim list`: registries and defaults as a scenario writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import netsim.units
from netsim.scenario.schema import PARTS
from netsim.units import Quantity

KIND_PLURALS = {
    "recipe": "algorithms",
    "policy": "policies",
    "compressor": "compressors",
    "growth": "levels",
    "rule": "rules",
    "schedule": "schedules",
    "dataset": "datasets",
    "partition": "partitions",
    "shift": "shifts",
    "model": "models",
    "topology": "trees",
    "network": "networks",
    "pathloss": "pathlosses",
    "shadowing": "shadowings",
    "placement": "placements",
    "fading": "fadings",
    "law": "laws",
    "rate map": "rate maps",
    "loss": "losses",
    "trace": "traces",
    "compute": "clocks",
    "spread": "spreads",
    "consumption": "consumptions",
    "wait": "waits",
    "selection": "selections",
    "availability": "availabilities",
    "association": "associations",
    "staleness": "stalenesses",
    "fault": "faults",
    "occurrence": "occurrences",
    "motion": "motions",
    "attachment": "attachments",
}


def part_registries() -> dict[str, Mapping[str, type]]:
    """Return all parts by kind (in the plural) and name."""
    return {KIND_PLURALS[kind]: part.registry for kind, part in PARTS.items()}


def format_default(field: Field[Any]) -> str:
    """Return the default of a field as a scenario writes it; empty for a required field."""
    if field.default is MISSING and field.default_factory is MISSING:
        return ""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if is_dataclass(default):
        return _short(_plain(default))
    return format_field_value(field, default)


def format_field_value(field: Field[Any], value: Any) -> str:
    """Return a value of a field as a scenario writes it on one line: with its unit, or a part with its arguments."""
    if is_dataclass(value):
        return _flow(_plain(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(str(item) for item in value)}]"
    if isinstance(value, int | float) and not isinstance(value, bool) and (quantity := _quantity(field)):
        return str(quantity.render(value))
    return _flow(value)


def _plain(part: Any) -> object:
    """Return a part as plain data; other dataclasses by the fields that differ from their defaults."""
    try:
        return PARTS.dump_part(part)
    except ValueError:
        usual = {field.name: field.default for field in fields(part)}
        text = PARTS.dataclass_forms.dump(part).items()
        return {name: value for name, value in text if getattr(part, name) != usual[name]}


def _flow(dumped: object) -> str:
    if dumped is None or isinstance(dumped, bool):
        return {None: "null", True: "true", False: "false"}[dumped]
    if isinstance(dumped, dict):
        return f"{{{', '.join(f'{key}: {_flow(value)}' for key, value in dumped.items())}}}"
    if isinstance(dumped, list):
        return f"[{', '.join(map(_flow, dumped))}]"
    return str(dumped)


def _short(dumped: object) -> str:
    return next(iter(dumped), "{}") if isinstance(dumped, dict) else str(dumped)


def _quantity(field: Field[Any]) -> Quantity | None:
    """Return the quantity of a field, from its annotation as text."""
    for word in re.findall(r"\w+", str(field.type)):
        for mark in getattr(getattr(netsim.units, word, None), "__metadata__", ()):
            if isinstance(mark, Quantity):
                return mark
    return None
