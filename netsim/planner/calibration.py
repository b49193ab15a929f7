"""Calibration: the bounds' constants measured on a scenario's own models, data and compressors.

At the initial model and at models of a short real run every device is looked at (`netsim.bounds.gradient_probe`). F* is taken
for 0, the least a cross entropy can be. Estimates, not proofs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learning.part_names import part_name
from learning.rng.keyed import KeyedRandom, row_key
from learning.tasks.objectives import SyntheticTask
from netsim.bounds.from_scenario import PlanError, Setting
from netsim.bounds.gradient_probe import DRAW, LARGEST, Look, look, smoothness, spread
from netsim.bounds.problem import Facts, Floats
from netsim.planner.constants import ConstantsEstimate, load_knowledge
from netsim.planner.timed_rounds import affordable
from netsim.scenario.sweep import Sweep
from netsim.simulation.run import execute

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
ROUNDS = (2, 6)
"""Global rounds after which the run's model is looked at."""


def calibrate(setting: Setting, out: Path) -> ConstantsEstimate:
    """The constants of a scenario, measured; kept beside the ledger of `out`, so that a repetition costs nothing.

    Raises PlanError where the gradients do not fit into memory or diverge, DataError for missing data.
    """
    shelf = out / "ledger" / f"calibration-{_name(setting)}.json"
    if (kept := _kept(shelf, setting.depth)) is not None:
        return kept
    if setting.dim * len(setting.topology.devices) > LARGEST:
        raise PlanError(
            f"calibration holds a gradient per device: {len(setting.topology.devices)} x {setting.dim:,} numbers, "
            f"more than {LARGEST:,}; calibrate a smaller topology and pass --constants"
        )
    looks = _looks(setting)
    found = _concluded(setting, looks)
    shelf.parent.mkdir(parents=True, exist_ok=True)
    found.save(shelf)
    return found


def _kept(shelf: Path, depth: int) -> ConstantsEstimate | None:
    """What was measured before; None where there is nothing, or nothing that can be read."""
    try:
        found = load_knowledge(shelf, depth)
        return replace(found, origin="calibrated", said=str(json.loads(shelf.read_text())["said"]))
    except (PlanError, KeyError):
        return None


def _name(setting: Setting) -> str:
    ladder, task = setting.scenario.ladder, setting.task
    said = f"{VERSION}|{task.fingerprint}|{setting.scenario.seed}|{part_name(ladder)}|{setting.topology.fingerprint}"
    return blake2b(said.encode(), digest_size=8).hexdigest()


def _looks(setting: Setting) -> list[Look]:
    """At the initial model, and along a short run."""
    import torch

    torch.set_num_threads(1)
    bound = setting.task.bind(torch.device("cpu"), torch.float32)
    seed = setting.scenario.seed
    models = [bound.initial(seed), *(_model(setting, rounds) for rounds in ROUNDS)]
    leaf, steps = setting.scenario.ladder.leaf, setting.scenario.ladder.steps(setting.depth)
    return [look(bound, model, leaf, steps, seed, number) for number, model in enumerate(models)]


def _model(setting: Setting, rounds: int) -> Tensor:
    """The cloud's model after some rounds of the scenario itself."""
    scenario = setting.scenario
    few = affordable(scenario.ladder.taus, len(setting.topology.devices), rounds)
    stop = scenario.stop.model_copy(
        update={"rounds": min(few, rounds), "deadline": None, "target_accuracy": None}
    )
    every = scenario.evaluate.model_copy(update={"every": rounds + 1})
    run = execute(scenario.model_copy(update={"stop": stop, "evaluate": every, "sweep": Sweep()}), device="cpu")
    run.engine.compute(run.model)
    if run.model.value is None or not bool(run.model.value.isfinite().all()):
        raise PlanError(
            f"the run to calibrate on diverges at learning rate {scenario.ladder.leaf.learning_rate:g}; lower it"
        )
    return run.model.value.float()


def _concluded(setting: Setting, looks: Sequence[Look]) -> ConstantsEstimate:
    """The largest of what was seen, with the standard errors of the look that decided."""
    weights = np.array(setting.weights)
    batch, task = setting.scenario.ladder.leaf.batch_size, setting.task
    smooth = [smoothness(look, weights) for look in looks]
    noise = [float(weights @ look.noise) for look in looks]
    layers = np.max([_spread(setting, look) for look in looks], axis=0)
    start = float((weights @ looks[0].gradients).astype(np.float64) @ (weights @ looks[0].gradients))
    gap = (
        task.constants.gap
        if isinstance(task, SyntheticTask) and hasattr(task, "constants")
        else float(weights @ looks[0].losses)
    )
    facts = Facts(max(smooth), max(noise), tuple(layers.tolist()), gap)
    at = int(np.argmax(noise))
    ratios = np.sqrt(looks[0].rises / np.maximum(looks[0].walks, 1e-300))
    errors = {
        "L": _error(ratios),
        "sigma^2": _error(looks[at].noise),
        "F_0 - F*": _error(looks[0].losses),
        **{
            f"delta_{n}^2": float(np.std([_spread(setting, look)[n - 1] for look in looks]))
            for n in range(1, len(layers) + 1)
        },
    }
    said = (
        f"measured at {len(looks)} models, {len(weights)} devices, batches of {batch}: the largest seen; ± is a "
        "standard error over devices (of delta^2: the spread over models)"
    )
    return ConstantsEstimate(facts, "calibrated", said, start, errors, _variances(setting, looks[0]))


def _error(values: Floats) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def _spread(setting: Setting, look: Look) -> tuple[float, ...]:
    return spread(look, setting.topology, setting.weights, setting.tree)


def _variances(setting: Setting, look: Look) -> tuple[float, ...]:
    """E||Q(x) - x||^2 / ||x||^2 of each layer's uplink on updates as they occur: a walk's, averaged up the tree."""
    import torch

    mass, rows, found = np.array(setting.weights), look.updates.astype(np.float64), []
    for n, level in enumerate(setting.topology.levels[1:], start=1):
        codec = setting.scenario.ladder.layers[n - 1].up
        keys = [row_key(setting.scenario.seed, "compressor", DRAW, n, row) for row in range(len(rows))]
        given = torch.from_numpy(rows.astype(np.float32))
        sent = codec.encode(given.clone(), KeyedRandom(np.array(keys, dtype=np.uint64))).values
        off = (sent - given).double().square().sum(1) / given.double().square().sum(1).clamp_min(1e-300)
        found.append(float(off.mean()))
        parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
        above = np.bincount(parent, mass)
        mean = np.zeros((len(level), rows.shape[1]))
        np.add.at(mean, parent, mass[:, None] * rows)
        mass, rows = above, mean / above[:, None]
    return tuple(found)
