"""Attributes of nodes and edges in topology files: positions and link parameters, in SI units or with a unit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from netsim.topology.tree import TopologyError
from netsim.units import parse

CHILD_KEYS = ("name", "children", "devices")
EDGE_NUMBERS = ("rate_bps", "latency_s", "distance_m")
EDGE_TEXTS = {
    "rate": ("rate_bps", "rate"),
    "latency": ("latency_s", "time"),
    "distance": ("distance_m", "distance"),
}
POSITIONS = {
    "x_m": ("x_m", 1.0),
    "y_m": ("y_m", 1.0),
    "x_km": ("x_m", 1e3),
    "y_km": ("y_m", 1e3),
    "lat_deg": ("lat_deg", 1.0),
    "lon_deg": ("lon_deg", 1.0),
    "Latitude": ("lat_deg", 1.0),
    "Longitude": ("lon_deg", 1.0),
}
"""Keys of a position, each with the node's attribute and its scale; the last two are the Topology Zoo's."""
KNOWN_KEYS = (*EDGE_NUMBERS, *EDGE_TEXTS, *POSITIONS)


def parse_position(data: Mapping[str, Any], source: str, title: str) -> dict[str, float]:
    """The position of a node: `x_m`, `y_m` (or `_km`) and `lat_deg`, `lon_deg` (or `Latitude`, `Longitude`).

    Keys of the result are attributes of a `NodeSpec`; absent ones are left out.

    Raises:
        TopologyError: not a number, or one coordinate given twice.
    """
    position: dict[str, float] = {}
    for key, (target, scale) in POSITIONS.items():
        if key in data:
            if target in position:
                other = next(one for one, (same, _) in POSITIONS.items() if same == target)
                raise TopologyError(f"{source}: {title} has both {other} and {key}; write one of them")
            position[target] = _number(data[key], key, source, title) * scale
    return position


def parse_edge(data: Mapping[str, Any], source: str, title: str, strict: bool) -> dict[str, float]:
    """Edge attributes in SI units: numbers `rate_bps`, `latency_s`, `distance_m`, or text (`rate: 100 Mbit/s`).

    Args:
        strict: reject every unknown key (YAML trees); else only keys that look misspelt (external graphs).

    Raises:
        TopologyError: unknown or repeated key, not a number, or a wrong unit.
    """
    edge: dict[str, float] = {}
    for key, value in data.items():
        if key in EDGE_NUMBERS:
            _put(edge, key, _number(value, key, source, title), source, title)
        elif key in EDGE_TEXTS:
            target, dimension = EDGE_TEXTS[key]
            _put(edge, target, _text(value, key, dimension, source, title), source, title)
        elif key not in POSITIONS:
            _reject(str(key), source, title, strict)
    return edge


def _put(edge: dict[str, float], key: str, value: float, source: str, title: str) -> None:
    if key in edge:
        raise TopologyError(f"{source}: {title} gives {key} twice; write it once")
    edge[key] = value


def _number(value: Any, key: str, source: str, title: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        plain, _, unit = key.rpartition("_")
        raise TopologyError(
            f"{source}: {key} of {title} must be a number in {unit if plain else 'deg'}, got {value!r}"
            + (f"; with a unit the key is `{plain}`" if plain in EDGE_TEXTS else "")
        )
    return float(value)


def _text(value: Any, key: str, dimension: str, source: str, title: str) -> float:
    try:
        return parse(value, dimension)
    except ValueError as error:
        raise TopologyError(f"{source}: {key} of {title}: {error}") from error


def _reject(key: str, source: str, title: str, strict: bool) -> None:
    known = (*CHILD_KEYS, *KNOWN_KEYS) if strict else KNOWN_KEYS
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    if strict or close:
        remedy = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise TopologyError(f"{source}: unknown key {key!r} of {title}; {remedy}")
