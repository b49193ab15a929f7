"""`netsim cite`: BibTeX of what a scenario uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from netsim.network import SOURCES
from netsim.references import cited, cited_in, entry_of, parts_in
from netsim.scenario import PARTS, Scenario, load

OWN = """\
@software{{netsim,
  author = {{{{The netsim founders}}}},
  title = {{netsim: discrete-event co-simulation of hierarchical federated learning}},
  version = {{{version}}},
}}
"""


def cite_command(name: str, overrides: Sequence[str]) -> int:
    """Print netsim's own entry, then those of the scenario's parts in the order of their use."""
    sys.stdout.write("\n".join(_entries(load(name, overrides))))
    return 0


def _entries(scenario: Scenario) -> Iterator[str]:
    yield OWN.format(version=version("netsim-hfl"))
    users: dict[str, list[str]] = {}
    for who, marks in _citations(scenario):
        for mark in marks:
            users.setdefault(mark, []).append(who)
    known = {mark: entry for mark in users if (entry := entry_of(mark)) is not None}
    for entry in dict.fromkeys(known.values()):
        by = dict.fromkeys(who for mark in entry.cited for who in users.get(mark, ()))
        yield f"% {', '.join(by)}\n{entry.text}\n"
    for mark in users.keys() - known.keys():
        yield f"% {', '.join(users[mark])}: cites {mark}, of which netsim has no entry\n"


def _citations(scenario: Scenario) -> Iterator[tuple[str, list[str]]]:
    """Who cites what: the parts written out, the ladder's, and those that a cell's preset stands for."""
    radios = [getattr(layer, "radio", None) for layer in scenario.network]
    for part in dict.fromkeys(parts_in([scenario, scenario.ladder, *filter(None, radios)])):
        yield _said(part), cited(part)
    for preset in dict.fromkeys(getattr(layer, "preset", None) for layer in scenario.network):
        if preset is not None:
            yield f"preset {preset}", cited_in(SOURCES[preset])


def _said(part: type) -> str:
    """`compressor qsgd`; a stranger's part by its import path."""
    kinds = (kind for kind, shelf in PARTS.items() if part in shelf.registry.values())
    kind = next(kinds, None)
    return f"{kind} {PARTS[kind].name_of(part)}" if kind else f"{part.__module__}:{part.__qualname__}"
