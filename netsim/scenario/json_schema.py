"""The JSON schema of scenario files, for editors: `# yaml-language-server: $schema=netsim.schema.json`."""

from __future__ import annotations

from typing import Any

from netsim.scenario.dataclass_schema import arguments_of, is_required
from netsim.scenario.parts import IMPORT_PATH, PartOf
from netsim.scenario.schema import PARTS, Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a scenario file; each kind of part is a definition with its names.

    It covers keys, types, names and units. `netsim check` checks conditions between values, and
    topology files.
    """
    schema = Scenario.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    for kind, part in PARTS.items():
        definitions[kind] = _kind(part)
    topology = schema["properties"]["topology"]
    schema["properties"]["topology"] = {"anyOf": [topology, {"type": "string", "title": "a topology file"}]}
    linked: dict[str, Any] = _linked(schema)
    return {"$schema": DIALECT, "title": "netsim scenario", **linked}


def _kind(part: PartOf) -> dict[str, Any]:
    """Return the schema of a kind: a bare name, a name with arguments, or an import path."""
    bare = [name for name, cls in part.registry.items() if not any(map(is_required, arguments_of(cls)))]
    named = {name: _arguments(part, cls) for name, cls in part.registry.items()}
    forms: list[dict[str, Any]] = [
        {"type": "string", "pattern": IMPORT_PATH},
        {
            "type": "object",
            "properties": named,
            "patternProperties": {IMPORT_PATH: {}},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    ]
    return {"title": part.kind, "oneOf": [{"enum": bare}, *forms] if bare else forms}


def _arguments(part: PartOf, cls: type) -> dict[str, Any]:
    """Return the schema of the arguments by name, or of the first alone; editors show the docstring's first line."""
    schema = part.dataclass_forms.adapter(cls).json_schema()
    names = [field.name for field in arguments_of(cls)]
    forms = [schema]
    required = schema.get("required", [])
    if names and set(required) <= {names[0]}:
        forms.append(schema["properties"][names[0]])
    if not required:
        forms.append({"type": "null"})
    return {"description": (cls.__doc__ or "").strip().splitlines()[0], "anyOf": forms}


def _linked(schema: Any) -> Any:
    """Replace the marks of parts by references to their definitions."""
    if isinstance(schema, dict):
        if "x-part" in schema:
            rest = {key: value for key, value in schema.items() if key != "x-part"}
            return {**rest, "$ref": f"#/$defs/{schema['x-part']}"}
        return {key: _linked(value) for key, value in schema.items()}
    return [_linked(item) for item in schema] if isinstance(schema, list) else schema
