"""Attributes of nodes and edges in topology files: positions and link numbers, SI or with a unit."""

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
PLACES = {
    "x_m": ("x_m", 1.0),
    "y_m": ("y_m", 1.0),
    "x_km": ("x_m", 1e3),
    "y_km": ("y_m", 1e3),
    "lat_deg": ("lat_deg", 1.0),
    "lon_deg": ("lon_deg", 1.0),
    "Latitude": ("lat_deg", 1.0),
    "Longitude": ("lon_deg", 1.0),
}
"""Keys of a position, with the node's attribute and its scale; the last two are the Topology Zoo's."""
KNOWN = (*EDGE_NUMBERS, *EDGE_TEXTS, *PLACES)


def place_of(data: Mapping[str, Any], source: str, title: str) -> dict[str, float]:
    """The position given: `x_m`, `y_m` (or `_km`) and `lat_deg`, `lon_deg` (or `Latitude`, `Longitude`).

    Keys are the attributes of a Branch; absent ones are left out.

    Raises:
        TopologyError: not a number, or one coordinate written twice.
    """
    found: dict[str, float] = {}
    for key, (target, scale) in PLACES.items():
        if key in data:
            if target in found:
                other = next(one for one, (same, _) in PLACES.items() if same == target)
                raise TopologyError(f"{source}: {title} has both {other} and {key}; write one of them")
            found[target] = _number(data[key], key, source, title) * scale
    return found


def edge_of(data: Mapping[str, Any], source: str, title: str, strict: bool) -> dict[str, float]:
    """Edge attributes in SI: numbers `rate_bps`, `latency_s`, `distance_m`, or text (`rate: 100 Mbit/s`).

    Args:
        strict: refuse every unknown key (our YAML); else only what looks misspelt (foreign graphs).

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
        elif key not in PLACES:
            _refuse(str(key), source, title, strict)
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


def _refuse(key: str, source: str, title: str, strict: bool) -> None:
    known = (*CHILD_KEYS, *KNOWN) if strict else KNOWN
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.75)
    if strict or close:
        remedy = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise TopologyError(f"{source}: unknown key {key!r} of {title}; {remedy}")
