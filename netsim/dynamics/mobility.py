"""Mobility: the section `mobility:`, and motions (random waypoint or given tracks) that place devices at an instant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from netsim.dynamics.attachment import Attachment, BestSnr
from netsim.file_lookup import located
from netsim.rng import generator
from netsim.topology import Node
from netsim.units import DistanceM, DurationS, SpeedMps, TimeS, check_quantities, render

STREAM = "mobility"


class Leg(NamedTuple):
    """A straight way, or a stay: from one place and instant to another."""

    begin_s: float
    end_s: float
    begin_m: tuple[float, float]
    end_m: tuple[float, float]

    def at(self, now_s: float) -> tuple[float, float]:
        """The place at an instant of the leg."""
        length_s = self.end_s - self.begin_s
        share = (now_s - self.begin_s) / length_s if 0 < length_s < math.inf else 0.0
        (x, y), (to_x, to_y) = self.begin_m, self.end_m
        return x + share * (to_x - x), y + share * (to_y - y)


@dataclass
class Course:
    """One device's way, leg after leg; asked at instants that never go back."""

    legs: Iterator[Leg]
    _leg: Leg | None = None

    def at(self, now_s: float) -> tuple[float, float]:
        """Where it is."""
        while self._leg is None or self._leg.end_s <= now_s:
            self._leg = next(self.legs)
        return self._leg.at(now_s)


class Motion(Protocol):
    """How devices move."""

    @property
    def ends_s(self) -> float:
        """When everybody has come to rest; inf: never."""
        ...

    def course(self, seed: int, device: Node, middle_m: tuple[float, float]) -> Course | None:
        """The way of one device, keyed by its ordinal; None: it stays where the topology puts it.

        `middle_m`: of the edge servers.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class RandomWaypoint:
    """Random waypoint: to a uniform point of the area at a uniform speed, a pause, and on.

    The area has these sides (x, y) around the middle of the edge servers. A device begins at its coordinates, or
    uniformly. `speed` needs a
    positive minimum: else the mean speed decays to 0 (Yoon, Liu, Noble, Random waypoint considered harmful, INFOCOM
    2003); without pauses the mean over time is (v1 - v0) / ln(v1 / v0), below (v0 + v1) / 2. Source: Johnson and Maltz,
    Dynamic source routing, 1996.
    """

    side: tuple[DistanceM, DistanceM]
    speed: tuple[SpeedMps, SpeedMps] = (0.5, 1.5)
    pause: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        slow, fast = self.speed
        if not 0 < slow <= fast:
            raise ValueError(
                f"speed must be [slowest, fastest] with slowest > 0, got [{slow:g}, {fast:g}] m/s; at 0 nobody arrives"
            )
        if min(self.side) <= 0:
            raise ValueError("side must be > 0 in both directions, e.g. [1 km, 1 km]")

    @property
    def ends_s(self) -> float:
        """Never."""
        return math.inf

    def course(self, seed: int, device: Node, middle_m: tuple[float, float]) -> Course:
        """See `Motion`; leg k is keyed by the device's ordinal and k."""
        return Course(self._legs(seed, device, middle_m))

    def _legs(self, seed: int, device: Node, middle_m: tuple[float, float]) -> Iterator[Leg]:
        begun = None if device.x_m is None or device.y_m is None else (device.x_m, device.y_m)
        here, now_s, count = begun or self._point(seed, device, 0, middle_m)[0], 0.0, 1
        while True:
            there, drawn = self._point(seed, device, count, middle_m)
            slow, fast = self.speed
            took_s = math.dist(here, there) / (slow + drawn * (fast - slow))
            yield Leg(now_s, now_s + took_s, here, there)
            yield Leg(now_s + took_s, now_s + took_s + self.pause, there, there)
            here, now_s, count = there, now_s + took_s + self.pause, count + 1

    def _point(
        self, seed: int, device: Node, count: int, middle_m: tuple[float, float]
    ) -> tuple[tuple[float, float], float]:
        """A uniform point of the area, and a uniform number besides."""
        x, y, drawn = generator(seed, STREAM, device.level, device.ordinal, count).random(3).tolist()
        return (middle_m[0] + (x - 0.5) * self.side[0], middle_m[1] + (y - 0.5) * self.side[1]), drawn

    def describe(self) -> str:
        """See `Motion`."""
        width, height = (render(side_m, "distance") for side_m in self.side)
        return f"random waypoint in {width} x {height}, {self.speed[0]:g} to {self.speed[1]:g} m/s"


@dataclass(frozen=True)
class Tracks:
    """Recorded ways from a CSV with the columns device, time_s, x_m, y_m; straight between its rows.

    A device stands at its first row before it, and at its last one after it; whoever is not in the file stays where
    the topology puts it. `path` is looked up as `netsim.file_lookup` says.
    """

    path: str

    @property
    def ends_s(self) -> float:
        """The last row's instant."""
        return max(rows[-1][0] for rows in read_tracks(self.path).values())

    def course(self, seed: int, device: Node, middle_m: tuple[float, float]) -> Course | None:
        """See `Motion`; nothing is drawn."""
        rows = read_tracks(self.path).get(device.name)
        return None if rows is None else Course(_ways(rows))

    def describe(self) -> str:
        """See `Motion`."""
        return f"tracks of {self.path}"


Row = tuple[float, float, float]


def _ways(rows: Sequence[Row]) -> Iterator[Leg]:
    first, last = rows[0], rows[-1]
    yield Leg(-math.inf, first[0], first[1:], first[1:])
    for before, after in itertools.pairwise(rows):
        yield Leg(before[0], after[0], before[1:], after[1:])
    yield Leg(last[0], math.inf, last[1:], last[1:])


def read_tracks(path: str) -> dict[str, list[Row]]:
    """Rows (time_s, x_m, y_m) by device, in order of time.

    Raises:
        ValueError: no such file, no rows, a line that is not a name and three finite numbers, or a device whose times
            do not rise; with file and line.
    """
    found = located(path, "file of tracks")
    stamp = found.stat()
    return _parsed(str(found), stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _parsed(path: str, changed_ns: int, size: int) -> dict[str, list[Row]]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text file; tracks are lines of device,time_s,x_m,y_m") from None
    tracks: dict[str, list[Row]] = {}
    for n, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells) or (n == 1 and cells[1:2] == ["time_s"]):
            continue
        name, row = cells[0], _row(cells, f"{path}:{n}")
        if name in tracks and row[0] <= tracks[name][-1][0]:
            raise ValueError(
                f"{path}:{n}: times of {name!r} must rise, got {row[0]:g} s after {tracks[name][-1][0]:g} s"
            )
        tracks.setdefault(name, []).append(row)
    if not tracks:
        raise ValueError(f"{path}: no rows; write lines such as device0,0,120.5,80 (device,time_s,x_m,y_m)")
    return tracks


def _row(cells: Sequence[str], place: str) -> Row:
    try:
        at_s, x_m, y_m = (float(cell) for cell in cells[1:])
    except ValueError:
        said = ",".join(cells)[:60]
        raise ValueError(f"{place}: a line is device,time_s,x_m,y_m, got {said!r}") from None
    if not all(map(math.isfinite, (at_s, x_m, y_m))) or at_s < 0:
        raise ValueError(f"{place}: numbers must be finite and times >= 0, got {','.join(cells)[:60]!r}")
    return at_s, x_m, y_m


MOTIONS: dict[str, type[Motion]] = {"random_waypoint": RandomWaypoint, "tracks": Tracks}


@dataclass(frozen=True)
class Mobility:
    """The section `mobility:`: devices move by `motion`; `handover` selects the edge server of each device.

    The cloud reattaches devices before each of its aggregations, any other server before each of its own; only a
    device that is not working can move to another parent. Link rates follow the positions at the parent's last
    aggregation. `clearance` is a lower bound on the distance that path loss models see. While no device can take
    part, the cloud checks again every `patience`.
    """

    motion: Motion
    handover: Attachment = field(default_factory=BestSnr)
    clearance: DistanceM = 10.0
    patience: DurationS = 1.0

    def __post_init__(self) -> None:
        check_quantities(self)
