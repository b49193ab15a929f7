"""Small scenarios for tests of the planner."""

from __future__ import annotations

from netsim.bounds.from_scenario import plan_context
from netsim.planner.constants import ConstantsEstimate
from netsim.planner.planner import Limits, Options, Planned, make_plans
from netsim.scenario import Scenario, load_text

TEXT = """
name: scene
seed: 5
task: {{dataset: digits, partition: {{dirichlet: {{alpha: 0.5}}}}, model: {{mlp: {{hidden: [5]}}}}}}
topology: {{fanout: {fanout}}}
devices: {{compute: {{flops: {{rate: 2 MFLOP/s, efficiency: 0.2, spread: {{lognormal: 0.4}}{jitter}}}}}}}
algorithm:
  {algorithm}
network:
{network}
stop: {{rounds: 50, deadline: 20 s}}
{more}
"""

QMLHFL = "qmlhfl: {learning_rate: 0.05, batch_size: 8, tau: [3, 2, 2], levels: [4, 8, 16], bucket: 64}"
CELL = "{cell: {preset: urban_micro, uplink: 2 MHz, downlink: 5 MHz}}"
TRUNK = "{wired: {rate: 10 Mbit/s, latency: 3 ms}}"
LINE = "{wired: {rate: 10 Mbit/s, latency: 3 ms, shared: false}}"
FADING = "{cell: {preset: urban_micro, uplink: 2 MHz, downlink: 5 MHz, fading: {block: {law: rayleigh, speed: 3 km/h}}}}"


def scene(
    *,
    fanout: str = "[2, 2, 3]",
    algorithm: str = QMLHFL,
    links: tuple[str, ...] = (CELL, TRUNK, LINE),
    jitter: str = "",
    more: str = "",
) -> Scenario:
    """The digits dataset on a small tree; `links` from the devices up."""
    network = "\n".join(f"  - {link}" for link in links)
    return load_text(
        TEXT.format(fanout=fanout, algorithm=algorithm, network=network, jitter=jitter, more=more),
        "scene.yaml",
    )


def planned(
    scenario: Scenario,
    options: Options | None = None,
    constants: ConstantsEstimate | None = None,
    **limits: float,
) -> Planned:
    """Plans of a scenario; the default deadline is that of the scenario."""
    limits.setdefault("deadline_s", scenario.stop.deadline or 0.0)
    return make_plans(plan_context(scenario), Limits(**limits), options or Options(), constants)
