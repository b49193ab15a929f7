"""Scenarios as canonical YAML, and their digest: what a run depends on, in 16 hex digits."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipes import Recipe
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.scenario.external_parts import sources, unplaced
from netsim.scenario.inline_topology import written
from netsim.scenario.schema import PARTS, Scenario, grow
from netsim.topology import Fanout

NEITHER = ("name", "sweep")  # say nothing about a run's results
SILENT: tuple[object, ...] = ([], "given")
"""Sections that say what holds without them."""


def resolved(scenario: Scenario) -> str:
    """The scenario as YAML without comments: recipe expanded, defaults written out, units rendered, topology inside.

    A recipe whose taus change under way, or whose arguments are swept, stays one. Reading it anywhere gives an equal
    ladder, an equal tree and the same digest.
    """
    swept = any(path.startswith("algorithm.") for path in scenario.sweep.paths)
    stays = swept or isinstance(scenario.algorithm, AdaptiveRecipe)
    content = _content(scenario, scenario.algorithm if stays else scenario.ladder)
    if not content["sweep"]:
        del content["sweep"]
    stream = io.StringIO()
    _yaml().dump(content, stream)
    return stream.getvalue()


def digest(scenario: Scenario) -> str:
    """16 hex digits of blake2b over the resolved content without name, sweep and the place of the data.

    A recipe and its expanded form agree, and so do a topology file and a copy of it under another name. The
    source of parts from outside enters, and so does what is in named files: another content is another run.
    """
    said = _content(scenario, _natural(scenario)).items()
    content = {key: value for key, value in said if key not in NEITHER and value not in SILENT}
    content["topology"] = grow(scenario).fingerprint
    content["task"].pop("data_dir")
    if strangers := sources(content):
        content["sources"] = strangers
    text = json.dumps(_canonical(unplaced(content)), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def dump_part(part: Any) -> object:
    """Any part as plain YAML data: its name, or `{name: {all arguments}}`. ValueError if it is in no registry."""
    return PARTS.dump_part(part)


def _natural(scenario: Scenario) -> Recipe | Algorithm:
    """The ladder with every downlink said; a recipe whose taus change stays one, for it makes many ladders."""
    if isinstance(scenario.algorithm, AdaptiveRecipe):
        return scenario.algorithm
    ladder = scenario.ladder
    return replace(ladder, layers=tuple(replace(layer, down=layer.downlink) for layer in ladder.layers))


def _content(scenario: Scenario, ladder: Recipe | Algorithm) -> dict[str, Any]:
    content = scenario.model_copy(update={"algorithm": ladder}).model_dump(mode="json")
    if not isinstance(scenario.topology, Fanout):
        tree = PARTS.records.dump(written(grow(scenario)))
        content["topology"] = {"tree": {key: value for key, value in tree.items() if value is not None}}
    return content


def _canonical(value: Any) -> Any:
    """A key that says nothing is not there, so that a new optional key moves no digest."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value


class _Representer(RoundTripRepresenter):
    """Lists of scalars on one line, None as `null`."""

    def flat(self, values: list[Any]) -> Any:
        """A sequence node, in brackets if all values are scalars."""
        inline = not any(isinstance(value, dict | list) for value in values)
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=inline)

    def nothing(self, value: None) -> Any:
        """The word null."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(list, _Representer.flat)
_Representer.add_representer(type(None), _Representer.nothing)


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Representer = _Representer
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    return yaml
