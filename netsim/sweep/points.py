"""The points of a sweep: what each sets, where they all run, and how each ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from learning.engine import DeviceKind, EngineKind
from netsim.scenario import Scenario, load
from netsim.scenario.overrides import parse_path

LEDGER = "ledger"
"""The folder beside the runs that all of them share."""

TIMING = ("network", "devices", "servers", "energy", "stop", "evaluate")
"""Sections that time a run, or end it: as long as nobody is lost or late they change no model."""

How = Literal["trained", "re-timed", "kept"]
"""trained: values were computed; re-timed: every value was known; kept: its run folder was there already."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep: the scenario's file or name, the user's overrides, and this point's own settings."""

    index: int
    scenario: str
    overrides: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The settings in a few words."""
        return ", ".join(f"{path}={value}" for path, value in self.settings.items())

    def load(self) -> Scenario:
        """The point's scenario, without a sweep. Raises ScenarioError."""
        own = [f"{path}={json.dumps(value)}" for path, value in self.settings.items()]  # JSON is YAML
        return load(self.scenario, [*self.overrides, "sweep={}", *own])


@dataclass(frozen=True)
class Outcome:
    """How a point ended: its seed, its run folder and how that came about, or what went wrong."""

    point: Point
    folder: Path | None = None
    error: str | None = None
    how: How | None = None
    seed: int | None = None


@dataclass(frozen=True)
class SweepFolders:
    """Where and how the points of a sweep run.

    `out` receives `<name>/<digest>/` of every point, `aside` what the sweep keeps for itself. With `borrow`
    workers take a copy of the ledger along and bring it back: SQLite's locks do not reach from host to host.
    """

    out: Path
    aside: Path
    ledger: Path
    engine: EngineKind = "batched"
    device: DeviceKind = "auto"
    borrow: bool = False

    @classmethod
    def at(
        cls, out: Path, name: str, engine: EngineKind = "batched", device: DeviceKind = "auto"
    ) -> SweepFolders:
        """The place of the sweep of a scenario `name` below the results folder `out`."""
        return cls(out, out / f"{name}-sweep", out / LEDGER, engine, device)


def points_of(name: str, overrides: Sequence[str], scenario: Scenario) -> list[Point]:
    """The points of the scenario's sweep (see `Sweep.settings` for their order); itself without a sweep."""
    settings = scenario.sweep.settings(scenario.seed)
    return [Point(i, name, tuple(overrides), chosen) for i, chosen in enumerate(settings)]


def learning_of(settings: Mapping[str, Any]) -> str:
    """What a point's models depend on of its settings, as long as nobody is lost or late; equal where that is."""
    bearing = {path: value for path, value in settings.items() if parse_path(path)[0] not in TIMING}
    return json.dumps(bearing, sort_keys=True)
