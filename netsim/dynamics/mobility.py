"""Mobility: the section `mobility`, and motion models (random waypoint, recorded tracks)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from netsim.dynamics.attachment import Attachment, BestSnr
from netsim.file_lookup import load_cached, read_text_lines
from netsim.rng import generator
from netsim.topology import Node
from netsim.units import DistanceM, DurationS, SpeedMps, TimeS, check_quantities, render

STREAM = "mobility"


class Leg(NamedTuple):
    """A part of a trajectory: a straight movement at constant speed, or a pause."""

    begin_s: float
    end_s: float
    begin_m: tuple[float, float]
    end_m: tuple[float, float]

    def at(self, now_s: float) -> tuple[float, float]:
        """Position at a time within the leg, m."""
        length_s = self.end_s - self.begin_s
        share = (now_s - self.begin_s) / length_s if 0 < length_s < math.inf else 0.0
        (x, y), (to_x, to_y) = self.begin_m, self.end_m
        return x + share * (to_x - x), y + share * (to_y - y)


@dataclass
class Trajectory:
    """The trajectory of one device, leg after leg; evaluated at non-decreasing times."""

    legs: Iterator[Leg]
    _leg: Leg | None = None

    def at(self, now_s: float) -> tuple[float, float]:
        """Position at a time, m."""
        while self._leg is None or self._leg.end_s <= now_s:
            self._leg = next(self.legs)
        return self._leg.at(now_s)


class Motion(Protocol):
    """A model of the motion of the devices."""

    @property
    def end_of_motion_s(self) -> float:
        """Time after which no device moves, s; inf if there is none."""
        ...

    def trajectory(self, seed: int, device: Node, center_m: tuple[float, float]) -> Trajectory | None:
        """The trajectory of one device, keyed by its ordinal; None if it stays at its position in the topology.

        `center_m`: the mean position of the edge servers.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class RandomWaypoint:
    """Random waypoint: move to a uniform point of the area at a uniform speed, pause, and repeat.

    The area has these sides (x, y), centred at the middle of the edge servers. A device starts at its coordinates, or
    at a uniform point. `speed` needs a positive minimum: otherwise the mean speed decays to 0 (Yoon, Liu, Noble,
    Random waypoint considered harmful, INFOCOM 2003); without pauses the mean over time is
    (v1 - v0) / ln(v1 / v0), below (v0 + v1) / 2. Source: Johnson and Maltz, Dynamic source routing, 1996.
    """

    side: tuple[DistanceM, DistanceM]
    speed: tuple[SpeedMps, SpeedMps] = (0.5, 1.5)
    pause: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        slow, fast = self.speed
        if not 0 < slow <= fast:
            raise ValueError(
                f"speed must be [slowest, fastest] with slowest > 0, got [{slow:g}, {fast:g}] m/s; at 0 a device stops"
            )
        if min(self.side) <= 0:
            raise ValueError("side must be > 0 in both directions, e.g. [1 km, 1 km]")

    @property
    def end_of_motion_s(self) -> float:
        """Infinite."""
        return math.inf

    def trajectory(self, seed: int, device: Node, center_m: tuple[float, float]) -> Trajectory:
        """See `Motion`; leg k is keyed by the device's ordinal and k."""
        return Trajectory(self._legs(seed, device, center_m))

    def _legs(self, seed: int, device: Node, center_m: tuple[float, float]) -> Iterator[Leg]:
        start_m = None if device.x_m is None or device.y_m is None else (device.x_m, device.y_m)
        from_m, now_s, count = start_m or self._point(seed, device, 0, center_m)[0], 0.0, 1
        while True:
            to_m, uniform = self._point(seed, device, count, center_m)
            slow, fast = self.speed
            duration_s = math.dist(from_m, to_m) / (slow + uniform * (fast - slow))
            yield Leg(now_s, now_s + duration_s, from_m, to_m)
            yield Leg(now_s + duration_s, now_s + duration_s + self.pause, to_m, to_m)
            from_m, now_s, count = to_m, now_s + duration_s + self.pause, count + 1

    def _point(
        self, seed: int, device: Node, count: int, center_m: tuple[float, float]
    ) -> tuple[tuple[float, float], float]:
        """A uniform point of the area, m, and another uniform number in [0, 1)."""
        x, y, uniform = generator(seed, STREAM, device.level, device.ordinal, count).random(3).tolist()
        return (center_m[0] + (x - 0.5) * self.side[0], center_m[1] + (y - 0.5) * self.side[1]), uniform

    def describe(self) -> str:
        """See `Motion`."""
        width, height = (render(side_m, "distance") for side_m in self.side)
        return f"random waypoint in {width} x {height}, {self.speed[0]:g} to {self.speed[1]:g} m/s"


@dataclass(frozen=True)
class Tracks:
    """Recorded tracks from a CSV file with the columns device, time_s, x_m, y_m; linear between the rows.

    A device is at its first row before that time, and at its last row afterwards; a device without rows stays at its
    position in the topology. `path` is looked up as described in `netsim.file_lookup`.
    """

    path: str

    @property
    def end_of_motion_s(self) -> float:
        """The time of the last row."""
        return max(rows[-1][0] for rows in read_tracks(self.path).values())

    def trajectory(self, seed: int, device: Node, center_m: tuple[float, float]) -> Trajectory | None:
        """See `Motion`; deterministic."""
        rows = read_tracks(self.path).get(device.name)
        return None if rows is None else Trajectory(_legs(rows))

    def describe(self) -> str:
        """See `Motion`."""
        return f"tracks of {self.path}"


Row = tuple[float, float, float]


def _legs(rows: Sequence[Row]) -> Iterator[Leg]:
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
    return load_cached(path, "file of tracks", _read)


def _read(file: Path) -> dict[str, list[Row]]:
    tracks: dict[str, list[Row]] = {}
    for n, line in enumerate(read_text_lines(file, "device0,0,120.5,80 (device,time_s,x_m,y_m)"), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if not any(cells) or (n == 1 and cells[1:2] == ["time_s"]):
            continue
        name, row = cells[0], _row(cells, f"{file}:{n}")
        if name in tracks and row[0] <= tracks[name][-1][0]:
            raise ValueError(
                f"{file}:{n}: times of {name!r} must rise, got {row[0]:g} s after {tracks[name][-1][0]:g} s"
            )
        tracks.setdefault(name, []).append(row)
    if not tracks:
        raise ValueError(f"{file}: no rows; write lines such as device0,0,120.5,80 (device,time_s,x_m,y_m)")
    return tracks


def _row(cells: Sequence[str], place: str) -> Row:
    try:
        time_s, x_m, y_m = (float(cell) for cell in cells[1:])
    except ValueError:
        text = ",".join(cells)[:60]
        raise ValueError(f"{place}: a line is device,time_s,x_m,y_m, got {text!r}") from None
    if not all(map(math.isfinite, (time_s, x_m, y_m))) or time_s < 0:
        raise ValueError(f"{place}: numbers must be finite and times >= 0, got {','.join(cells)[:60]!r}")
    return time_s, x_m, y_m


MOTIONS: dict[str, type[Motion]] = {"random_waypoint": RandomWaypoint, "tracks": Tracks}


@dataclass(frozen=True)
class Mobility:
    """The section `mobility`: devices move by `motion`; `handover` selects the edge server of each device.

    The cloud reattaches devices before each of its aggregations, any other server before each of its own; only an
    idle device can be attached to another parent. Link rates follow the positions at the parent's last
    aggregation. `clearance` is a lower bound on the distance used by path loss models. While no device can take
    part, the cloud checks again every `patience`.
    """

    motion: Motion
    handover: Attachment = field(default_factory=BestSnr)
    clearance: DistanceM = 10.0
    patience: DurationS = 1.0

    def __post_init__(self) -> None:
        check_quantities(self)
