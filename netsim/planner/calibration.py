"""Calibration: the bounds' constants measured on a scenario's own models, data and compressors.

The gradients of every device are probed at the initial model and at models of a short run
(`netsim.bounds.gradient_probe`). F* is assumed to be 0, the minimum of a cross entropy.
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
from netsim.bounds.from_scenario import PlanContext, PlanError
from netsim.bounds.gradient_probe import DRAW, LARGEST, GradientProbe, probe_gradients, smoothness, spread
from netsim.bounds.problem import Floats, LearningConstants
from netsim.planner.constants import ConstantsEstimate, load_constants
from netsim.planner.timed_rounds import affordable
from netsim.scenario.sweep import Sweep
from netsim.simulation.run import execute

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
ROUNDS = (2, 6)
"""Global rounds after which the run's model is looked at."""


def calibrate(setting: PlanContext, out: Path) -> ConstantsEstimate:
    """The constants of a scenario, measured; kept beside the ledger of `out`, so that a repetition costs nothing.

    Raises PlanError where the gradients do not fit into memory or diverge, DataError for missing data.
    """
    path = out / "ledger" / f"calibration-{_name(setting)}.json"
    if (kept := _kept(path, setting.depth)) is not None:
        return kept
    if setting.dim * len(setting.topology.devices) > LARGEST:
        raise PlanError(
            f"calibration holds a gradient per device: {len(setting.topology.devices)} x {setting.dim:,} numbers, "
            f"more than {LARGEST:,}; calibrate a smaller topology and pass --constants"
        )
    looks = _looks(setting)
    found = _concluded(setting, looks)
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save(path)
    return found


def _kept(path: Path, depth: int) -> ConstantsEstimate | None:
    """Return the stored calibration; None if there is none or it cannot be read."""
    try:
        found = load_constants(path, depth)
        return replace(
            found, origin="calibrated", description=str(json.loads(path.read_text())["description"])
        )
    except (PlanError, KeyError):
        return None


def _name(setting: PlanContext) -> str:
    algorithm, task = setting.scenario.layered_algorithm, setting.task
    parts = (
        VERSION,
        task.fingerprint,
        setting.scenario.seed,
        part_name(algorithm),
        setting.topology.fingerprint,
    )
    return blake2b("|".join(map(str, parts)).encode(), digest_size=8).hexdigest()


def _looks(setting: PlanContext) -> list[GradientProbe]:
    """At the initial model, and along a short run."""
    import torch

    torch.set_num_threads(1)
    bound = setting.task.bind(torch.device("cpu"), torch.float32)
    seed = setting.scenario.seed
    models = [bound.initial(seed), *(_model(setting, rounds) for rounds in ROUNDS)]
    leaf, steps = (
        setting.scenario.layered_algorithm.leaf,
        setting.scenario.layered_algorithm.steps(setting.depth),
    )
    return [probe_gradients(bound, model, leaf, steps, seed, number) for number, model in enumerate(models)]


def _model(setting: PlanContext, rounds: int) -> Tensor:
    """The cloud's model after some rounds of the scenario itself."""
    scenario = setting.scenario
    few = affordable(scenario.layered_algorithm.taus, len(setting.topology.devices), rounds)
    stop = scenario.stop.model_copy(
        update={"rounds": min(few, rounds), "deadline": None, "target_accuracy": None}
    )
    every = scenario.evaluate.model_copy(update={"every": rounds + 1})
    run = execute(
        scenario.model_copy(update={"stop": stop, "evaluate": every, "sweep": Sweep()}), device="cpu"
    )
    run.engine.compute(run.model)
    if run.model.value is None or not bool(run.model.value.isfinite().all()):
        raise PlanError(
            f"the run to calibrate on diverges at learning rate {scenario.layered_algorithm.leaf.learning_rate:g}; "
            "lower it"
        )
    return run.model.value.float()


def _concluded(setting: PlanContext, looks: Sequence[GradientProbe]) -> ConstantsEstimate:
    """The largest of what was seen, with the standard errors of the look that decided."""
    weights = np.array(setting.weights)
    batch, task = setting.scenario.layered_algorithm.leaf.batch_size, setting.task
    smooth = [smoothness(probe_gradients, weights) for probe_gradients in looks]
    noise = [float(weights @ probe_gradients.noise) for probe_gradients in looks]
    layers = np.max([_spread(setting, probe_gradients) for probe_gradients in looks], axis=0)
    start = float((weights @ looks[0].gradients).astype(np.float64) @ (weights @ looks[0].gradients))
    gap = (
        task.constants.gap
        if isinstance(task, SyntheticTask) and hasattr(task, "constants")
        else float(weights @ looks[0].losses)
    )
    facts = LearningConstants(max(smooth), max(noise), tuple(layers.tolist()), gap)
    at = int(np.argmax(noise))
    ratios = np.sqrt(looks[0].gradient_changes / np.maximum(looks[0].distances, 1e-300))
    errors = {
        "L": _error(ratios),
        "sigma^2": _error(looks[at].noise),
        "F_0 - F*": _error(looks[0].losses),
        **{
            f"delta_{n}^2": float(
                np.std([_spread(setting, probe_gradients)[n - 1] for probe_gradients in looks])
            )
            for n in range(1, len(layers) + 1)
        },
    }
    description = (
        f"measured at {len(looks)} models, {len(weights)} devices, batches of {batch}: the largest seen; ± is a "
        "standard error over devices (of delta^2: the spread over models)"
    )
    return ConstantsEstimate(facts, "calibrated", description, start, errors, _variances(setting, looks[0]))


def _error(values: Floats) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def _spread(setting: PlanContext, probe_gradients: GradientProbe) -> tuple[float, ...]:
    return spread(probe_gradients, setting.topology, setting.weights, setting.tree)


def _variances(setting: PlanContext, probe_gradients: GradientProbe) -> tuple[float, ...]:
    """E||Q(x) - x||^2 / ||x||^2 of each layer's uplink on updates as they occur: a walk's, averaged up the tree."""
    import torch

    weight_sums, rows, found = np.array(setting.weights), probe_gradients.updates.astype(np.float64), []
    for n, level in enumerate(setting.topology.levels[1:], start=1):
        codec = setting.scenario.layered_algorithm.layers[n - 1].up
        keys = [row_key(setting.scenario.seed, "compressor", DRAW, n, row) for row in range(len(rows))]
        given = torch.from_numpy(rows.astype(np.float32))
        sent = codec.encode(given.clone(), KeyedRandom(np.array(keys, dtype=np.uint64))).values
        off = (sent - given).double().square().sum(1) / given.double().square().sum(1).clamp_min(1e-300)
        found.append(float(off.mean()))
        parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
        above = np.bincount(parent, weight_sums)
        mean = np.zeros((len(level), rows.shape[1]))
        np.add.at(mean, parent, weight_sums[:, None] * rows)
        weight_sums, rows = above, mean / above[:, None]
    return tuple(found)
