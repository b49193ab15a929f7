"""Scenarios: YAML in, a frozen and validated Scenario out; errors with file, line and the nearest right spelling."""

from __future__ import annotations

from netsim.scenario.errors import ScenarioError
from netsim.scenario.json_schema import json_schema
from netsim.scenario.listing import part_registries, shown_default, shown_value
from netsim.scenario.loading import load, load_text
from netsim.scenario.sample import sample_text
from netsim.scenario.scenario_files import shipped
from netsim.scenario.schema import PARTS, Scenario, grow
from netsim.scenario.serialization import digest, dump_part, resolved

__all__ = [
    "PARTS",
    "Scenario",
    "ScenarioError",
    "digest",
    "dump_part",
    "grow",
    "json_schema",
    "load",
    "load_text",
    "part_registries",
    "resolved",
    "sample_text",
    "shipped",
    "shown_default",
    "shown_value",
]
