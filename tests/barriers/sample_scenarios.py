"""Small scenarios with known times: constant delays, links of devices that differ only in latency."""

from __future__ import annotations

import numpy as np

from netsim.scenario import Scenario, load_text
from netsim.simulation.run import Run, execute


def star_scenario(latencies_s: list[float], wait: str, *, rounds: int = 4, **more: object) -> Scenario:
    """One layer: a broadcast of 0 s, 1 s of work, an upload of 1 s and each child's own latency, both ways."""
    children = ", ".join(f"{{name: device{k}, latency: {late} s}}" for k, late in enumerate(latencies_s))
    keys = {
        "task": "{dataset: digits, partition: {dirichlet: {alpha: 0.5}}, model: logistic}",
        "topology": f"{{tree: {{children: [{children}]}}}}",
        "devices": "{compute: {constant: {step: 1 s}}}",
        "algorithm": "{fedavg: {learning_rate: 0.2, batch_size: 8, local_steps: 1}}",
        "network": "[{delay: {uplink: 1 s, downlink: 0 s}}]",
        "wait": f"[{wait}]",
        "stop": f"{{rounds: {rounds}}}",
    }
    keys |= {name: str(value) for name, value in more.items()}
    return load_text(
        "name: line\nseed: 3\n" + "".join(f"{k}: {v}\n" for k, v in keys.items()), "star_scenario.yaml"
    )


def round_ends_s(run: Run) -> list[float]:
    """The end of each round."""
    return [row["sim_time_s"] for row in run.trace.rounds]


def run_timing(scenario: Scenario) -> Run:
    """Run a scenario with the timing engine."""
    return execute(scenario, engine="timing")


def final_model(run: Run) -> np.ndarray:
    """The cloud's final model."""
    run.engine.compute(run.model)
    assert run.model.value is not None
    return run.model.value.double().numpy()
