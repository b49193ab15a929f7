"""netsim: seconds, bits and accuracy of hierarchical federated learning over a simulated network.

The names below are what a script or a notebook needs; each is imported when it is first used, so that
`import netsim` costs nothing. `docs/api.md` tells what they do; parts live in `learning` and `netsim.network`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learning.ledger import Ledger
    from netsim.planner.plan import Plan
    from netsim.planner.planning import Limits, Options, Planned, plan
    from netsim.result import Result, ResultError
    from netsim.scenario import Scenario, ScenarioError, digest, grow, load, load_text, resolved
    from netsim.simulation import simulate
    from netsim.topology import Node, Topology
    from netsim.views import write_report, write_several

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
        "learning.ledger": ("Ledger",),
        "netsim.planner.plan": ("Plan",),
        "netsim.planner.planning": ("Limits", "Options", "Planned", "plan"),
        "netsim.result": ("Result", "ResultError"),
        "netsim.scenario": (
            "Scenario",
            "ScenarioError",
            "digest",
            "grow",
            "load",
            "load_text",
            "resolved",
        ),
        "netsim.simulation": ("simulate",),
        "netsim.topology": ("Node", "Topology"),
        "netsim.views": ("write_report", "write_several"),
    }.items()
    for name in names
}
