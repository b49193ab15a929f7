"""What `netsim list` shows of the parts: their registries and their defaults as a scenario writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from typing import Any

import netsim.units
from netsim.scenario.schema import PARTS
from netsim.units import Quantity

SHELVES = {
    "recipe": "algorithms",
    "compressor": "compressors",
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
}


def part_registries() -> dict[str, Mapping[str, type]]:
    """All parts by kind (in the plural) and name."""
    return {SHELVES[kind]: part.registry for kind, part in PARTS.items()}


def shown_default(field: Field[Any]) -> str:
    """A field's default as a scenario writes it; empty for a required field."""
    if field.default is MISSING and field.default_factory is MISSING:
        return ""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if default is None or isinstance(default, bool):
        return {None: "null", True: "true", False: "false"}[default]
    if is_dataclass(default):
        known = any(type(default) in part.registry.values() for part in PARTS.values())
        return _short(PARTS.dump_part(default)) if known else "{}"
    if isinstance(default, list | tuple):
        return f"[{', '.join(str(item) for item in default)}]"
    if isinstance(default, int | float) and (quantity := _quantity(field)):
        return str(quantity.render(default))
    return str(default)


def _short(dumped: object) -> str:
    return next(iter(dumped)) if isinstance(dumped, dict) else str(dumped)


def _quantity(field: Field[Any]) -> Quantity | None:
    """The unit of a field, from its annotation as the class's author wrote it."""
    for word in re.findall(r"\w+", str(field.type)):
        for mark in getattr(getattr(netsim.units, word, None), "__metadata__", ()):
            if isinstance(mark, Quantity):
                return mark
    return None
