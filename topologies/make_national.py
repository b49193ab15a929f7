"""Writes national.yaml: four layers over Germany, with the cities' real coordinates for great-circle latencies.

Devices -> base stations (1-8 km from their city's centre) -> city sites -> regional hubs -> a cloud in
Frankfurt. The devices have no coordinates: their cells draw their positions. Run from the repository's root:
python topologies/make_national.py
"""

from __future__ import annotations

import math
import random
from pathlib import Path

CLOUD = ("Frankfurt", 50.1109, 8.6821)
REGIONS = {
    "Hamburg": {"Hamburg": (53.5511, 9.9937), "Bremen": (53.0793, 8.8017), "Kiel": (54.3233, 10.1228)},
    "Berlin": {"Berlin": (52.5200, 13.4050), "Leipzig": (51.3397, 12.3731), "Dresden": (51.0504, 13.7373)},
    "Cologne": {"Cologne": (50.9375, 6.9603), "Dortmund": (51.5136, 7.4653), "Aachen": (50.7753, 6.0839)},
    "Munich": {"Munich": (48.1351, 11.5820), "Stuttgart": (48.7758, 9.1829), "Nuremberg": (49.4521, 11.0767)},
}
STATIONS_PER_CITY, DEVICES_PER_STATION = 2, 4
DEGREE_M = 111_195.0
"""Length of a degree of latitude on a sphere of 6371 km."""


def near(rng: random.Random, lat_deg: float, lon_deg: float) -> tuple[float, float]:
    """A point uniform in area over a ring of 1-8 km around a city's centre."""
    r_m = math.sqrt(rng.uniform(1e3**2, 8e3**2))
    angle = rng.uniform(0.0, 2.0 * math.pi)
    north, east = r_m * math.cos(angle), r_m * math.sin(angle)
    return lat_deg + north / DEGREE_M, lon_deg + east / (DEGREE_M * math.cos(math.radians(lat_deg)))


def place(lat_deg: float, lon_deg: float) -> str:
    """The coordinates as YAML."""
    return f"lat_deg: {lat_deg:.4f}, lon_deg: {lon_deg:.4f}"


def lines() -> list[str]:
    """The tree as YAML, a line per station; a hub is in its region's first city."""
    rng, station = random.Random(49), 0
    text = [
        f"# the cloud is in {CLOUD[0]}",
        "name: cloud",
        f"lat_deg: {CLOUD[1]:.4f}",
        f"lon_deg: {CLOUD[2]:.4f}",
    ]
    text.append("children:")
    for region, cities in REGIONS.items():
        lat, lon = cities[region]
        text += [f"- name: {region} hub", f"  lat_deg: {lat:.4f}", f"  lon_deg: {lon:.4f}", "  children:"]
        for city, (lat, lon) in cities.items():
            text += [
                f"  - name: {city}",
                f"    lat_deg: {lat:.4f}",
                f"    lon_deg: {lon:.4f}",
                "    children:",
            ]
            for _ in range(STATIONS_PER_CITY):
                where = place(*near(rng, lat, lon))
                text.append(f"    - {{name: station{station}, {where}, devices: {DEVICES_PER_STATION}}}")
                station += 1
    return text


def main() -> None:
    """Write the file into the folder of this script."""
    note = "# 4 layers over 96 devices in 12 cities; written by topologies/make_national.py, do not edit by hand.\n"
    Path(__file__).with_name("national.yaml").write_text(note + "\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
