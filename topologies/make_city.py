"""Writes city.yaml: a cellular network of three layers, 63 devices in three districts of seven cells each.

In each district seven stations form a hexagonal grid with a spacing of 400 m around the building that joins
their fibres; devices are uniform over a ring of 15-220 m around their station. The cloud is a data centre
60 km away. Run from the repository's root: python topologies/make_city.py
"""

from __future__ import annotations

import math
import random
from pathlib import Path

DISTRICTS_KM = {"harbour": (-3.0, 1.5), "centre": (0.0, 0.0), "campus": (2.5, -2.0)}
CLOUD_KM = (45.0, 40.0)
SPACING_M, DEVICES_PER_STATION = 400.0, 3
INNER_M, OUTER_M = 15.0, 220.0


def in_ring(rng: random.Random, x_m: float, y_m: float) -> tuple[float, float]:
    """A point uniform in area over the ring around a station."""
    r = math.sqrt(rng.uniform(INNER_M**2, OUTER_M**2))
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return x_m + r * math.cos(angle), y_m + r * math.sin(angle)


def stations(x_m: float, y_m: float) -> list[tuple[float, float]]:
    """One station in the centre and six around it, with equal distances to the centre and to their neighbours."""
    ring = [math.radians(60.0 * k) for k in range(6)]
    around = [(x_m + SPACING_M * math.cos(a), y_m + SPACING_M * math.sin(a)) for a in ring]
    return [(x_m, y_m), *around]


def lines() -> list[str]:
    """The tree as YAML."""
    rng, station, device = random.Random(38901), 0, 0
    text = ["name: cloud", f"x_m: {1e3 * CLOUD_KM[0]:.1f}", f"y_m: {1e3 * CLOUD_KM[1]:.1f}", "children:"]
    for district, (x_km, y_km) in DISTRICTS_KM.items():
        text += [f"- name: {district}", f"  x_m: {1e3 * x_km:.1f}", f"  y_m: {1e3 * y_km:.1f}", "  children:"]
        for x_m, y_m in stations(1e3 * x_km, 1e3 * y_km):
            text += [
                f"  - name: station{station}",
                f"    x_m: {x_m:.1f}",
                f"    y_m: {y_m:.1f}",
                "    children:",
            ]
            for _ in range(DEVICES_PER_STATION):
                px, py = in_ring(rng, x_m, y_m)
                text.append(f"    - {{name: device{device}, x_m: {px:.1f}, y_m: {py:.1f}}}")
                device += 1
            station += 1
    return text


def main() -> None:
    """Write the file into the folder of this script."""
    note = (
        "# 3 layers over 63 devices in 21 cells; written by topologies/make_city.py, do not edit by hand.\n"
    )
    Path(__file__).with_name("city.yaml").write_text(note + "\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
