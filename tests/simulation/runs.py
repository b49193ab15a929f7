"""Small scenarios and runs for tests of equality; final models as vectors."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from netsim.scenario import Scenario, load_text
from netsim.simulation.run import Run, execute

LEAF = "leaf: {learning_rate: 0.2, batch_size: 8}"
SPARSE = "{rand_k: {fraction: 0.2, unbiased: false}}"  # random choice: with top_k, rounding errors would decide ties
CODED = "{qsgd: {levels: 16, bucket: 64, code: elias}}"


def algorithm_yaml(*layers: str) -> str:
    """The algorithm without a recipe: each layer as `tau, up, down`."""
    rows = "".join(f"\n    - {{{layer}, rule: mean}}" for layer in layers)
    return f"{LEAF}\n  layers:{rows}"


RECIPES = {
    "fedavg": ([6], "fedavg: {learning_rate: 0.2, batch_size: 8, local_steps: 3}"),
    "sign_sgd": ([5], "sign_sgd: {learning_rate: 0.01, batch_size: 8}"),
    "hier_favg": ([2, 3], "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}"),
    "hier_local_qsgd": (
        [2, 3],
        "hier_local_qsgd: {learning_rate: 0.2, batch_size: 8, tau: [3, 2], levels: [4, 8], bucket: 64}",
    ),
    "hier_sign_sgd": (
        [2, 3],
        "hier_sign_sgd: {learning_rate: 0.01, batch_size: 8, tau: [1, 4], down: {qsgd: {levels: 31, bucket: 64}}}",
    ),
    "sparse_sign_sgd": (
        [2, 3],
        "sparse_sign_sgd: {learning_rate: 0.01, batch_size: 8, tau: [1, 4], fraction: 0.05}",
    ),
    "qmlhfl": (
        [2, 2, 3],
        "qmlhfl: {learning_rate: 0.2, batch_size: 8, tau: [3, 2, 2], levels: [4, 8, 16], bucket: 64}",
    ),
    "qmlhfl_elias": (
        [2, 2, 3],
        "qmlhfl: {learning_rate: 0.2, batch_size: 8, tau: [3, 2, 2], levels: [4, 8, 16], bucket: 64, code: elias}",
    ),
    "adaptive": (
        [2, 3],
        "qmlhfl: {learning_rate: 0.2, batch_size: 8, tau: [3, 2], levels: [{doubling: {first: 4, every: 1, most: 16}}, 8], bucket: 64}",
    ),
    "of_model": (
        [2, 3],
        algorithm_yaml(
            "tau: 2, up: {of_model: {qsgd: {levels: 255, bucket: 16}}}",
            "tau: 2, up: none, down: {of_model: {none: bf16}}",
        ),
    ),
    "admm": (
        [2, 3],
        "admm: {learning_rate: 0.1, batch_size: 8, tau: [2, 2], rho: [0.2, 0.1], "
        f"up: {{error_feedback: {SPARSE}}}}}",
    ),
    "error_feedback": (
        [2, 3],
        algorithm_yaml(
            f"tau: 2, up: {{error_feedback: {SPARSE}}}, down: {{error_feedback: {SPARSE}}}",
            f"tau: 3, up: {{error_feedback: {CODED}}}, down: {{ef21: {SPARSE}}}",
        ),
    ),
    "ef21": ([2, 3], algorithm_yaml(f"tau: 2, up: {{ef21: {SPARSE}}}", f"tau: 2, up: {{ef21: {CODED}}}")),
}
TIMED = [name for name, (_, algorithm) in RECIPES.items() if "elias" not in algorithm]
"""Recipes whose message sizes do not depend on values."""


def scenario(
    fanout: list[int], algorithm: str, *, rounds: int = 3, model: str = "{mlp: {hidden: [5]}}", **more: object
) -> Scenario:
    """Digits over a fan-out tree with plain wired links; `more` are further top-level keys as YAML text."""
    links = "\n".join("  - wired: {rate: 10 Mbit/s, latency: 3 ms, shared: false}" for _ in fanout)
    keys = {
        "seed": "5",
        "task": f"{{dataset: digits, partition: {{dirichlet: {{alpha: 0.5}}}}, model: {model}}}",
        "devices": "{compute: {flops: {rate: 2 GFLOP/s, efficiency: 0.2, spread: {lognormal: 0.4}}}}",
        "network": "\n" + links,
        "stop": f"{{rounds: {rounds}}}",
    }
    keys |= {name: str(value) for name, value in more.items()}
    text = f"name: tiny\ntopology: {{fanout: {json.dumps(fanout)}}}\nalgorithm:\n  {algorithm}\n"
    return load_text(text + "".join(f"{name}: {value}\n" for name, value in keys.items()), "tiny.yaml")


def recipe(name: str, **more: object) -> Scenario:
    """A tiny scenario of a recipe in RECIPES."""
    fanout, algorithm = RECIPES[name]
    return scenario(fanout, algorithm, **more)  # type: ignore[arg-type]


def weights(run: Run) -> NDArray[np.float64]:
    """The cloud's final model."""
    run.engine.compute(run.model)
    assert run.model.value is not None
    return run.model.value.double().numpy()


def final(scene: Scenario, **options: object) -> NDArray[np.float64]:
    """The cloud's model after a complete run."""
    return weights(execute(scene, device="cpu", **options))  # type: ignore[arg-type]
