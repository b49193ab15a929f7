"""What `netsim list` shows of the parts: their registries and their defaults as a scenario writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import netsim.units
from netsim.scenario.schema import PARTS
from netsim.units import Quantity

SHELVES = {
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
    """All parts by kind (in the plural) and name."""
    return {SHELVES[kind]: part.registry for kind, part in PARTS.items()}


def shown_default(field: Field[Any]) -> str:
    """A field's default as a scenario writes it; empty for a required field."""
    if field.default is MISSING and field.default_factory is MISSING:
        return ""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if is_dataclass(default):
        return _short(_plain(default))
    return shown_value(field, default)


def shown_value(field: Field[Any], value: Any) -> str:
    """A value of the field as a scenario writes it on one line: with its unit, a part with all its arguments."""
    if is_dataclass(value):
        return _flow(_plain(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(str(item) for item in value)}]"
    if isinstance(value, int | float) and not isinstance(value, bool) and (quantity := _quantity(field)):
        return str(quantity.render(value))
    return _flow(value)


def _plain(part: Any) -> object:
    """A part as plain data; a record that is no part by those of its fields that are not their defaults."""
    try:
        return PARTS.dump_part(part)
    except ValueError:
        usual = {field.name: field.default for field in fields(part)}
        said = PARTS.records.dump(part).items()
        return {name: value for name, value in said if getattr(part, name) != usual[name]}


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
    """The unit of a field, from its annotation as the class's author wrote it."""
    for word in re.findall(r"\w+", str(field.type)):
        for mark in getattr(getattr(netsim.units, word, None), "__metadata__", ()):
            if isinstance(mark, Quantity):
                return mark
    return None
