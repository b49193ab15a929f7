"""`netsim cite`: BibTeX of the references of a scenario."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from netsim.results.bibliography import entry_of
from netsim.scenario import Scenario, load
from netsim.scenario.citations import citing_parts
from netsim.sweep.points import points_of

OWN = """\
@software{{netsim,
  author = {{{{The netsim founders}}}},
  title = {{netsim: discrete-event co-simulation of hierarchical federated learning}},
  version = {{{version}}},
}}
"""


MAX_POINTS = 500
"""Maximum number of points of a sweep that are considered."""


def cite_command(name: str, overrides: Sequence[str]) -> int:
    """Print the entry of netsim, then those of the parts of the scenario and of its sweep, in the order of their
    use."""
    scenario = load(name, overrides)
    sweep_points = [point for point in points_of(name, overrides, scenario) if point.settings][:MAX_POINTS]
    sys.stdout.write("\n".join(_entries([scenario, *(point.load() for point in sweep_points)])))
    return 0


def _entries(scenarios: Sequence[Scenario]) -> Iterator[str]:
    yield OWN.format(version=version("netsim-hfl"))
    parts: dict[str, list[str]] = {}
    for scenario in scenarios:
        for key, users in citing_parts(scenario).items():
            parts[key] = list(dict.fromkeys([*parts.get(key, ()), *users]))
    unknown = []
    for key, users in parts.items():
        entry = entry_of(key)
        if entry is None:
            unknown.append(f"% {', '.join(users)}: cites {key}, for which netsim has no entry\n")
        else:
            yield f"% {', '.join(users)}\n{entry.text}\n"
    yield from unknown
