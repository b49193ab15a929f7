"""Small timing runs with faults: an upload takes 1 s, a download 0 s, a step 1 s."""

from __future__ import annotations

from typing import Any

from netsim.scenario import Scenario
from netsim.simulation.run import Run, execute

Data = dict[str, Any]
UP_S, STEP_S = 1.0, 1.0
DEDICATED = {"delay": {"uplink": "1 s"}}
SHARED = {"wired": {"rate": "1280 bit/s", "downlink": "1000 Gbit/s", "latency": "0 s", "packets": "none"}}
"""The model has 1280 bits: an airtime of 1 s."""
SHARED_BOTH_WAYS = {"wired": {"rate": "1280 bit/s", "latency": "100 ms", "packets": "none"}}
UNICAST = {"wired": SHARED_BOTH_WAYS["wired"] | {"downcast": "unicast"}}
DEDICATED_WIRED = {"wired": SHARED["wired"] | {"shared": False}}


def scenario_data(
    *faults: Data, fanout: tuple[int, ...] = (2, 2), link: Data = DEDICATED, **more: Any
) -> Data:
    """Hierarchical averaging of 40 numbers, one step and one edge aggregation a round."""
    plain: Data = {
        "name": "tiny",
        "seed": 3,
        "task": {"dataset": {"synthetic": {"dim": 40, "samples": 8}}},
        "topology": {"fanout": list(fanout)},
        "devices": {"compute": {"constant": {"step": "1 s"}}},
        "algorithm": {"hier_favg": {"learning_rate": 0.1, "batch_size": 4, "tau": [1] * len(fanout)}},
        "network": [link] * len(fanout),
        "faults": list(faults),
        "stop": {"rounds": 3},
    }
    return plain | more


def given_times(at: str, lasts: str | None) -> Data:
    """A fault at a given time."""
    return {"given": {"at": [at]} | ({"lasts": lasts} if lasts else {})}


def run_timing(content: Data) -> Run:
    """Run a scenario with the timing engine and check its invariants."""
    return execute(Scenario.model_validate(content), engine="timing", verify=True)


def round_ends_s(run: Run) -> list[float]:
    """The end of each round."""
    return [float(row["sim_time_s"]) for row in run.trace.rounds[1:]]


def events(run: Run) -> list[tuple[float, str, str]]:
    """(time, kind, node) of all events."""
    return [(float(row["time_s"]), str(row["kind"]), str(row["node"])) for row in run.trace.events]


def uploads(run: Run, turn: int) -> list[tuple[str, str]]:
    """(sender, fate) of a round's uploads from devices, in order of sending."""
    return [
        (str(row["src"]), str(row["fate"]))
        for row in run.trace.messages
        if row["direction"] == "up" and row["layer"] == 1 and row["round"] == turn
    ]
