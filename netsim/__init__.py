"""netsim: seconds, bits and accuracy of hierarchical federated learning over a simulated network.

The names below are what a script or a notebook needs; each is imported when it is first used, so that
`import netsim` costs nothing. `docs/api.md` tells what they do; parts live in `learning` and `netsim.network`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learning.store.ledger import Ledger
    from netsim.planner.plan import Plan
    from netsim.planner.planner import Limits, Options, Planned, plan
    from netsim.reports import write_report, write_several
    from netsim.results.result import Result, ResultError
    from netsim.scenario import Scenario, ScenarioError, digest, grow, load, load_text, resolved
    from netsim.simulation.run import simulate
    from netsim.topology import Node, Topology

__all__ = [
    "Ledger",
    "Limits",
    "Node",
    "Options",
    "Plan",
    "Planned",
    "Result",
    "ResultError",
    "Scenario",
    "ScenarioError",
    "Topology",
    "digest",
    "grow",
    "load",
    "load_text",
    "plan",
    "resolved",
    "simulate",
    "write_report",
    "write_several",
]


def __getattr__(name: str) -> object:
    """The public name, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"netsim has no name {name!r}; public are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_HOMES = {
    name: module
    for module, names in {
        "learning.store.ledger": ("Ledger",),
        "netsim.planner.plan": ("Plan",),
        "netsim.planner.planner": ("Limits", "Options", "Planned", "plan"),
        "netsim.results.result": ("Result", "ResultError"),
        "netsim.scenario": (
            "Scenario",
            "ScenarioError",
            "digest",
            "grow",
            "load",
            "load_text",
            "resolved",
        ),
        "netsim.simulation.run": ("simulate",),
        "netsim.topology": ("Node", "Topology"),
        "netsim.reports": ("write_report", "write_several"),
    }.items()
    for name in names
}
