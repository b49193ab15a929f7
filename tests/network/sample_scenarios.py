"""Small scenarios for timing runs: a quadratic of a few parameters, constant compute times, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from netsim.scenario import Scenario
from netsim.simulation.run import Run, execute

Data = dict[str, Any]


def scenario_data(fanout: Sequence[int], tau: Sequence[int], network: Sequence[Data], **more: Any) -> Data:
    """A scenario as plain data: 40 float32 parameters, 10 ms a step, 2 rounds; `more` replaces top-level keys."""
    plain: Data = {
        "name": "tiny",
        "seed": 3,
        "task": {"dataset": {"synthetic": {"dim": 40, "samples": 8}}},
        "topology": {"fanout": list(fanout)},
        "devices": {"compute": {"constant": {"step": "10 ms"}}},
        "algorithm": {"hier_favg": {"learning_rate": 0.1, "batch_size": 4, "tau": list(tau)}},
        "network": list(network),
        "stop": {"rounds": 2},
    }
    return plain | more


def run_timing(content: Mapping[str, Any]) -> Run:
    """Run a scenario with the timing engine."""
    return execute(Scenario.model_validate(content), engine="timing")


def round_ends_s(run: Run) -> list[float]:
    """The end of each round."""
    return [row["sim_time_s"] for row in run.trace.rounds]


def wired(rate_bps: float = 1e6, latency_s: float = 0.0, **more: Any) -> Data:
    """One wired layer, numbers written out exactly."""
    return {"wired": {"rate": f"{rate_bps!r} bit/s", "latency": f"{latency_s!r} s", **more}}


def exchange_counts(fanout: Sequence[int], tau: Sequence[int], rounds: int) -> list[tuple[int, int]]:
    """(broadcasts, uploads) of a run per layer, from the devices up: nodes x aggregations."""
    nodes = [1, *accumulate(fanout, lambda a, b: a * b)]  # from the cloud down
    depth = len(fanout)
    turns = [rounds * math.prod(tau[n:]) for n in range(1, depth + 1)]  # of a parent at level n
    return [
        (nodes[depth - n] * turns[n - 1], nodes[depth - n + 1] * turns[n - 1]) for n in range(1, depth + 1)
    ]
