"""Scenarios: YAML is loaded into a frozen and validated Scenario; errors have file, line and a suggestion."""

from __future__ import annotations

from netsim.scenario.errors import ScenarioError
from netsim.scenario.json_schema import json_schema
from netsim.scenario.listing import format_default, format_field_value, part_registries
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
    "format_default",
    "format_field_value",
    "grow",
    "json_schema",
    "load",
    "load_text",
    "part_registries",
    "resolved",
    "sample_text",
    "shipped",
]
