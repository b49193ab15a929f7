"""`netsim cite`: BibTeX of what a scenario uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from netsim.results.references import entry_of
from netsim.scenario import Scenario, load
from netsim.scenario.citations import users
from netsim.sweep.points import points_of

OWN = """\
@software{{netsim,
  author = {{{{The netsim founders}}}},
  title = {{netsim: discrete-event co-simulation of hierarchical federated learning}},
  version = {{{version}}},
}}
"""


MOST_POINTS = 500
"""Points of a sweep that are looked through."""


def cite_command(name: str, overrides: Sequence[str]) -> int:
    """Print netsim's own entry, then those of the scenario's parts, and its sweep's, in the order of their use."""
    scenario = load(name, overrides)
    swept = [point for point in points_of(name, overrides, scenario) if point.settings][:MOST_POINTS]
    sys.stdout.write("\n".join(_entries([scenario, *(point.load() for point in swept)])))
    return 0


def _entries(scenarios: Sequence[Scenario]) -> Iterator[str]:
    yield OWN.format(version=version("netsim-hfl"))
    found: dict[str, list[str]] = {}
    for scenario in scenarios:
        for mark, parts in users(scenario).items():
            found[mark] = list(dict.fromkeys([*found.get(mark, ()), *parts]))
    known = {mark: entry for mark in found if (entry := entry_of(mark)) is not None}
    for entry in dict.fromkeys(known.values()):
        by = dict.fromkeys(who for mark in entry.cited for who in found.get(mark, ()))
        yield f"% {', '.join(by)}\n{entry.text}\n"
    for mark in (mark for mark in found if mark not in known):
        yield f"% {', '.join(found[mark])}: cites {mark}, of which netsim has no entry\n"
