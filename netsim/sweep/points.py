"""Points of a sweep: their settings, folders and outcomes."""

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
"""Folder beside the runs with the shared ledger."""

TIMING = ("network", "devices", "servers", "energy", "stop", "evaluate")
"""Sections that affect only the timeline: without losses and late answers they change no model."""

OutcomeKind = Literal["trained", "re-timed", "kept"]
"""trained: values were computed; re-timed: all values were known; kept: the run folder existed."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep: file or name of the scenario, overrides, and the settings of this point."""

    index: int
    scenario: str
    overrides: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The settings as text."""
        return ", ".join(f"{path}={value}" for path, value in self.settings.items())

    def load(self) -> Scenario:
        """The point's scenario, without a sweep. Raises ScenarioError."""
        own = [f"{path}={json.dumps(value)}" for path, value in self.settings.items()]  # JSON is YAML
        return load(self.scenario, [*self.overrides, "sweep={}", *own])


@dataclass(frozen=True)
class Outcome:
    """The outcome of a point: seed, run folder and how it was computed, or an error."""

    point: Point
    folder: Path | None = None
    error: str | None = None
    how: OutcomeKind | None = None
    seed: int | None = None


@dataclass(frozen=True)
class SweepFolders:
    """Where and how the points of a sweep run.

    `out` receives `<name>/<digest>/` of every point, `sweep_folder` the sweep's own files. With
    `copies_ledger` workers take a copy of the ledger along and bring it back: SQLite's locks do not reach from host
    to host.
    """

    out: Path
    sweep_folder: Path
    ledger: Path
    engine: EngineKind = "batched"
    device: DeviceKind = "auto"
    copies_ledger: bool = False

    @classmethod
    def at(
        cls, out: Path, name: str, engine: EngineKind = "batched", device: DeviceKind = "auto"
    ) -> SweepFolders:
        """Return the folders of the sweep of a scenario `name` below the results folder `out`."""
        return cls(out, out / f"{name}-sweep", out / LEDGER, engine, device)


def points_of(name: str, overrides: Sequence[str], scenario: Scenario) -> list[Point]:
    """The points of the scenario's sweep (see `Sweep.settings` for their order); itself without a sweep."""
    settings = scenario.sweep.settings(scenario.seed)
    return [Point(i, name, tuple(overrides), chosen) for i, chosen in enumerate(settings)]


def learning_key(settings: Mapping[str, Any]) -> str:
    """What a point's models depend on of its settings, as long as nobody is lost or late; equal where that is."""
    bearing = {path: value for path, value in settings.items() if parse_path(path)[0] not in TIMING}
    return json.dumps(bearing, sort_keys=True)
