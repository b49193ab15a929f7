"""Small scenarios with adaptive taus."""

from __future__ import annotations

from netsim.scenario import Scenario
from tests.simulation.runs import scenario

RECIPES = {
    "hier_favg": "learning_rate: 0.2, batch_size: 8",
    "hier_local_qsgd": "learning_rate: 0.2, batch_size: 8, levels: [4, 8], bucket: 64",
    "qmlhfl": "learning_rate: 0.2, batch_size: 8, levels: [4, 8], bucket: 64, down: {qsgd: {levels: 31, bucket: 64}}",
    "hier_sign_sgd": "learning_rate: 0.01, batch_size: 8",
    "dc_hier_sign_sgd": "learning_rate: 0.01, batch_size: 8, anchor_batch: 8",
    "mtgc": "learning_rate: 0.2, batch_size: 8",
    "qhetfed": "learning_rate: 0.2, batch_size: 8, gamma: 2, levels: [4, 8], bucket: 64",
    "fedopt": "learning_rate: 0.2, batch_size: 8",
}
"""Arguments besides tau of recipes with a list of them, on a tree of two layers."""
VOTING = ("hier_sign_sgd", "dc_hier_sign_sgd", "qhetfed")
"""Recipes whose tau_1 must be 1."""


def start_taus(name: str) -> list[int]:
    """The first taus."""
    return [1, 4] if name in VOTING else [4, 2]


def recipe_scenario(name: str, tau: object, *, rounds: int = 6, **more: object) -> Scenario:
    """A recipe with that tau, as YAML data."""
    return scenario([2, 3], f"{name}: {{{RECIPES[name]}, tau: {tau}}}", rounds=rounds, **more)  # type: ignore[arg-type]


def adaptive(name: str, policy: str, *, every: int = 2, first: object = None, **more: object) -> Scenario:
    """A recipe whose taus a policy chooses after every `every` rounds."""
    return recipe_scenario(
        name,
        f"{{adaptive: {{start: {first or start_taus(name)}, every: {every}, policy: {policy}}}}}",
        **more,
    )
