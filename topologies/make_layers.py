"""Writes layers_2.yaml, layers_3.yaml and layers_4.yaml: the same 64 devices under trees of 2, 3 and 4 layers.

Sixteen base stations are in four cities; devices are uniform over a ring of 20-200 m around
their station. Each server that a deeper tree adds is at the centroid of its children. Run from the
repository's root: python topologies/make_layers.py
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

CITIES_KM = ((0.0, 0.0), (120.0, 60.0), (640.0, 420.0), (720.0, 300.0))
STATIONS_PER_CITY, DEVICES_PER_STATION = 4, 4
CLOUD_KM = (1500.0, -200.0)
Tree = tuple[str, float, float, list["Tree"]]


def in_ring(
    rng: random.Random, x_m: float, y_m: float, inner_m: float, outer_m: float
) -> tuple[float, float]:
    """A point uniform in area over a ring."""
    r = math.sqrt(rng.uniform(inner_m**2, outer_m**2))
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return x_m + r * math.cos(angle), y_m + r * math.sin(angle)


def stations(rng: random.Random) -> list[Tree]:
    """All base stations with their devices, city by city."""
    found: list[Tree] = []
    for city, (x_km, y_km) in enumerate(CITIES_KM):
        for s in range(STATIONS_PER_CITY):
            x, y = in_ring(rng, 1e3 * x_km, 1e3 * y_km, 500.0, 4000.0)
            number = STATIONS_PER_CITY * city + s
            leaves: list[Tree] = []
            for d in range(DEVICES_PER_STATION):
                px, py = in_ring(rng, x, y, 20.0, 200.0)
                leaves.append((f"device{DEVICES_PER_STATION * number + d}", px, py, []))
            found.append((f"station{number}", x, y, leaves))
    return found


def grouped(children: Sequence[Tree], size: int, name: str) -> list[Tree]:
    """Servers over runs of `size` children, each at its children's centroid."""
    groups = [list(children[i : i + size]) for i in range(0, len(children), size)]
    return [
        (f"{name}{i}", _mean([c[1] for c in g]), _mean([c[2] for c in g]), g) for i, g in enumerate(groups)
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def lines(tree: Tree, indent: str = "") -> list[str]:
    """The tree as YAML, a line per node."""
    name, x, y, children = tree
    head = f"name: {name}, x_m: {x:.1f}, y_m: {y:.1f}"
    if not children:
        return [f"{indent}- {{{head}}}"]
    below = [line for child in children for line in lines(child, indent + "  ")]
    return [
        f"{indent}- name: {name}",
        f"{indent}  x_m: {x:.1f}",
        f"{indent}  y_m: {y:.1f}",
        f"{indent}  children:",
        *below,
    ]


def main() -> None:
    """Write the three files into the folder of this script."""
    edges = stations(random.Random(64))
    cities = grouped(edges, STATIONS_PER_CITY, "city")
    regions = grouped(cities, 2, "region")
    for depth, top in ((2, edges), (3, cities), (4, regions)):
        cloud: Tree = ("cloud", 1e3 * CLOUD_KM[0], 1e3 * CLOUD_KM[1], list(top))
        body = "\n".join(line[2:] for line in lines(cloud))
        note = (
            f"# {depth} layers over 64 devices; written by topologies/make_layers.py, do not edit by hand.\n"
        )
        Path(__file__).with_name(f"layers_{depth}.yaml").write_text(note + body + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
