"""Who cites what in a scenario: its parts, those of its ladder, and those that a cell's preset stands for."""

from __future__ import annotations

from collections.abc import Iterator

from netsim.network import SOURCES
from netsim.results.references import cited, cited_in, parts_in
from netsim.scenario import PARTS, Scenario


def citations(scenario: Scenario) -> Iterator[tuple[str, list[str]]]:
    """Each part in a few words with the references it cites, in the order of their use."""
    radios = [getattr(layer, "radio", None) for layer in scenario.network]
    # A tree's nodes are as many as the devices, and cite nothing: of the topology only its kind is asked.
    sections = [getattr(scenario, name) for name in type(scenario).model_fields if name != "topology"]
    written = [
        *parts_in([*sections, scenario.layered_algorithm, *filter(None, radios)]),
        type(scenario.topology),
    ]
    for part in dict.fromkeys(written):
        yield _said(part), cited(part)
    for preset in dict.fromkeys(getattr(layer, "preset", None) for layer in scenario.network):
        if preset in SOURCES:
            yield f"preset {preset}", cited_in(SOURCES[preset])


def users(scenario: Scenario) -> dict[str, list[str]]:
    """Every reference of a scenario with those that cite it, in the order of their use."""
    found: dict[str, list[str]] = {}
    for who, marks in citations(scenario):
        for mark in marks:
            found.setdefault(mark, []).append(who)
    return found


def _said(part: type) -> str:
    """`compressor qsgd`; a stranger's part by its import path."""
    kinds = (kind for kind, shelf in PARTS.items() if part in shelf.registry.values())
    kind = next(kinds, None)
    return f"{kind} {PARTS[kind].name_of(part)}" if kind else f"{part.__module__}:{part.__qualname__}"
