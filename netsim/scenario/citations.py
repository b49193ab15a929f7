"""Citations of a scenario: which of its parts cite what."""

from __future__ import annotations

from collections.abc import Iterator

from netsim.network import PRESET_CITATIONS
from netsim.results.bibliography import citation_keys, label_of, parts_in
from netsim.scenario.schema import PARTS, Scenario


def citations(scenario: Scenario) -> Iterator[tuple[str, list[str]]]:
    """Yield each part as text with the citation keys that its options use: parts, layers, and cell presets."""
    radios = [getattr(layer, "radio", None) for layer in scenario.network]
    # The nodes of a topology cite nothing, and may be many: only the kind of topology is used.
    sections = [getattr(scenario, name) for name in type(scenario).model_fields if name != "topology"]
    written = [*parts_in([*sections, scenario.layered_algorithm, *filter(None, radios)]), scenario.topology]
    for part in written:
        yield _describe(type(part)), citation_keys(part)
    presets = (getattr(layer, "preset", None) for layer in scenario.network)
    for preset in dict.fromkeys(name for name in presets if name is not None):
        yield f"preset {preset}", list(PRESET_CITATIONS.get(preset, ()))


def citing_parts(scenario: Scenario) -> dict[str, list[str]]:
    """Return the parts that cite each key, in the order of their use."""
    parts: dict[str, list[str]] = {}
    for part, keys in citations(scenario):
        for key in keys:
            users = parts.setdefault(key, [])
            if part not in users:
                users.append(part)
    return parts


def citing_parts_by_label(scenario: Scenario) -> dict[str, list[str]]:
    """Return the parts that cite each reference, by its label, for the manifest."""
    return {label_of(key): parts for key, parts in citing_parts(scenario).items()}


def _describe(part: type) -> str:
    """Return `compressor qsgd`, or the import path of an external part."""
    kinds = (kind for kind, catalogue in PARTS.items() if part in catalogue.registry.values())
    kind = next(kinds, None)
    return f"{kind} {PARTS[kind].name_of(part)}" if kind else f"{part.__module__}:{part.__qualname__}"
