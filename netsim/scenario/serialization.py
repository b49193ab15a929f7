"""Serialization: scenarios as canonical YAML, and their digest."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipe_registry import Recipe
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.scenario.external_parts import source_hashes, with_file_hashes
from netsim.scenario.inline_topology import to_inline_tree
from netsim.scenario.schema import PARTS, Scenario, grow
from netsim.topology import Fanout

NOT_IN_DIGEST = ("name", "sweep")  # do not affect the result of a run
OMITTED_DEFAULTS: tuple[object, ...] = ([], "given")
"""Sections with these values equal absent sections."""


def resolved(scenario: Scenario) -> str:
    """Return the scenario as YAML: recipe expanded to layers, defaults written out, units rendered, topology included.

    A recipe with adaptive tau or swept arguments is not expanded. Loading the text anywhere gives equal layers, an
    equal tree and the same digest.
    """
    is_swept = any(path.startswith("algorithm.") for path in scenario.sweep.paths)
    keeps_recipe = is_swept or isinstance(scenario.algorithm, AdaptiveRecipe)
    content = _content(scenario, scenario.algorithm if keeps_recipe else scenario.layered_algorithm)
    if not content["sweep"]:
        del content["sweep"]
    stream = io.StringIO()
    _yaml().dump(content, stream)
    return stream.getvalue()


def digest(scenario: Scenario) -> str:
    """Return 16 hexadecimal digits of blake2b over the resolved content without name, sweep and data folder.

    A recipe and its expanded form have the same digest, as have a topology file and its copy. The source code of
    external parts and the content of named files are included.
    """
    sections = _content(scenario, _canonical_algorithm(scenario)).items()
    content = {
        key: value for key, value in sections if key not in NOT_IN_DIGEST and value not in OMITTED_DEFAULTS
    }
    content["topology"] = grow(scenario).fingerprint
    content["task"].pop("data_dir")
    if external_sources := source_hashes(content):
        content["source_hashes"] = external_sources
    text = json.dumps(
        _canonical(with_file_hashes(content)), sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return blake2b(text.encode(), digest_size=8).hexdigest()


def dump_part(part: Any) -> object:
    """Return a part as plain YAML data: its name, or `{name: {all arguments}}`. ValueError: unregistered."""
    return PARTS.dump_part(part)


def _canonical_algorithm(scenario: Scenario) -> Recipe | Algorithm:
    """Return the layers with every downlink written out; a recipe with adaptive tau is returned unchanged."""
    if isinstance(scenario.algorithm, AdaptiveRecipe):
        return scenario.algorithm
    layered = scenario.layered_algorithm
    return replace(layered, layers=tuple(replace(layer, down=layer.downlink) for layer in layered.layers))


def _content(scenario: Scenario, layered: Recipe | Algorithm) -> dict[str, Any]:
    content = scenario.model_copy(update={"algorithm": layered}).model_dump(mode="json")
    if not isinstance(scenario.topology, Fanout):
        tree = PARTS.dataclass_forms.dump(to_inline_tree(grow(scenario)))
        content["topology"] = {"tree": {key: value for key, value in tree.items() if value is not None}}
    return content


def _canonical(value: Any) -> Any:
    """Remove keys without value, so that a new optional key does not change digests."""
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return value


class _Representer(RoundTripRepresenter):
    """Writes lists of scalars on one line, and None as `null`."""

    def flat(self, values: list[Any]) -> Any:
        """Return a sequence node, in brackets if all values are scalars."""
        inline = not any(isinstance(value, dict | list) for value in values)
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=inline)

    def nothing(self, value: None) -> Any:
        """Return the scalar null."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(list, _Representer.flat)
_Representer.add_representer(type(None), _Representer.nothing)


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Representer = _Representer
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    return yaml
