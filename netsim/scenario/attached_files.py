"""Files that a scenario's parts read, recordings of rates, speeds and availability, found beside the scenario too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from netsim.devices.compute import Traced
from netsim.dynamics.mobility import Tracks
from netsim.file_lookup import located
from netsim.network import TRACES
from netsim.scenario.errors import Loc, Problem
from netsim.scenario.schema import Scenario
from netsim.selection.availability import Recorded

READERS: Mapping[type, str] = {
    Traced: "file of device speeds",
    Recorded: "file of availabilities",
    Tracks: "file of tracks",
    **dict.fromkeys(TRACES.values(), "trace"),
}


def with_files(scenario: Scenario, beside: Path | None) -> tuple[Scenario, list[Problem]]:
    """The scenario with relative paths as seen from here, and what is missing where.

    Without a folder of its own a scenario stays as it is: its parts look for themselves.
    """
    if beside is None:
        return scenario, []
    problems: list[Problem] = []
    network = tuple(_found(part, beside, ("network", n), problems) for n, part in enumerate(scenario.network))
    parts = {name: getattr(scenario.devices, name) for name in ("compute", "availability")}
    found = {name: _found(part, beside, ("devices", name), problems) for name, part in parts.items()}
    mobility = _found(scenario.mobility, beside, ("mobility",), problems)
    if network == scenario.network and found == parts and mobility == scenario.mobility:
        return scenario, problems
    devices = scenario.devices.model_copy(update=found)
    return scenario.model_copy(
        update={"network": network, "devices": devices, "mobility": mobility}
    ), problems


def _found(part: Any, beside: Path, at: Loc, problems: list[Problem]) -> Any:
    """The part, and the parts in it, with their files' paths."""
    if not is_dataclass(part) or isinstance(part, type):
        return part
    if type(part) in READERS:
        try:
            found = located(getattr(part, "path"), READERS[type(part)], beside)  # noqa: B009  # readers have it
            return replace(part, path=str(found))
        except ValueError as error:
            problems.append(Problem(at, str(error)))
            return part
    inner = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
    moved = {name: _found(value, beside, at, problems) for name, value in inner.items()}
    changed = {name: value for name, value in moved.items() if value is not inner[name]}
    return replace(part, **changed) if changed else part
