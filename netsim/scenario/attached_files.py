"""Files that parts of a scenario read (rates, speeds, availability), resolved relative to the scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from netsim.devices.compute import TracedSpeed
from netsim.dynamics.mobility import Tracks
from netsim.file_lookup import find_file
from netsim.network import TRACES
from netsim.scenario.errors import Loc, Problem
from netsim.scenario.schema import Scenario
from netsim.selection.availability import Recorded

READERS: Mapping[type, str] = {
    TracedSpeed: "file of device speeds",
    Recorded: "file of availabilities",
    Tracks: "file of tracks",
    **dict.fromkeys(TRACES.values(), "trace"),
}


def resolve_files(scenario: Scenario, beside: Path | None) -> tuple[Scenario, list[Problem]]:
    """Return the scenario with resolved paths, and a problem per missing file.

    Without a folder (`beside` is None) the scenario is returned unchanged: its parts look up their files themselves.
    """
    if beside is None:
        return scenario, []
    problems: list[Problem] = []
    network = tuple(
        _resolve(part, beside, ("network", n), problems) for n, part in enumerate(scenario.network)
    )
    parts = {name: getattr(scenario.devices, name) for name in ("compute", "availability")}
    found = {name: _resolve(part, beside, ("devices", name), problems) for name, part in parts.items()}
    mobility = _resolve(scenario.mobility, beside, ("mobility",), problems)
    if network == scenario.network and found == parts and mobility == scenario.mobility:
        return scenario, problems
    devices = scenario.devices.model_copy(update=found)
    return scenario.model_copy(
        update={"network": network, "devices": devices, "mobility": mobility}
    ), problems


def _resolve(part: Any, beside: Path, at: Loc, problems: list[Problem]) -> Any:
    """Return the part with resolved paths, including the parts inside it."""
    if not is_dataclass(part) or isinstance(part, type):
        return part
    if type(part) in READERS:
        try:
            found = find_file(getattr(part, "path"), READERS[type(part)], beside)  # noqa: B009  # readers have it
            return replace(part, path=str(found))
        except ValueError as error:
            problems.append(Problem(at, str(error)))
            return part
    inner = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
    resolved_parts = {name: _resolve(value, beside, at, problems) for name, value in inner.items()}
    changed = {name: value for name, value in resolved_parts.items() if value is not inner[name]}
    return replace(part, **changed) if changed else part
