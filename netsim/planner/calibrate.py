"""Calibration: the bounds' constants measured on a scenario's own models, data and compressors.

At the initial model and at models of a short real run, every device's gradient is taken over its own samples
(at most SAMPLES of them), its minibatches' scatter gives sigma^2, and a walk of local SGD steps from there
gives L as it is met: ||grad F_i(x) - grad F_i(w)|| over ||x - w||, in the mean over devices (A1 asks no more, but
for all x). F* is taken for 0, the least a cross entropy can be. Estimates, not proofs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.coins import Coins, row_key, words
from learning.naming import part_name
from learning.objectives import SyntheticTask
from netsim.planner.knowledge import Knowledge, load_knowledge
from netsim.planner.measured import affordable
from netsim.planner.problem import Facts, Floats
from netsim.planner.setting import PlanError, Setting, between
from netsim.scenario.sweeps import Sweep
from netsim.simulation import play

if TYPE_CHECKING:
    from torch import Tensor

    from learning.tasks import BoundTask

VERSION = 1
SAMPLES = 512
"""Of each device, at most."""
STEPS = 20
"""Local SGD steps of a walk, at most."""
ROUNDS = (2, 6)
"""Global rounds after which the run's model is looked at."""
LARGEST = 300_000_000
"""Devices x parameters whose gradients are held at once."""
DRAW = 1 << 41
"""First number of the path of these draws in their streams, away from every device's steps."""


@dataclass
class Look:
    """What is seen at one model."""

    gradients: NDArray[np.float32]
    """[devices, d]."""
    losses: Floats
    """F_i(w) over the samples used."""
    noise: Floats
    """sigma_i^2 of a minibatch's gradient, per device."""
    stirred: Floats
    """Variance of each row of `gradients` that comes from using a part of the samples."""
    rises: Floats
    """||grad F_i(x_i) - grad F_i(w)||^2 at the end of each device's walk."""
    walks: Floats
    """||x_i - w||^2."""
    updates: NDArray[np.float32]
    """x_i - w [devices, d]."""


def calibrate(setting: Setting, out: Path) -> Knowledge:
    """The constants of a scenario, measured; kept beside the ledger of `out`, so that a repetition costs nothing.

    Raises PlanError where the gradients do not fit into memory or diverge, DataError for missing data.
    """
    shelf = out / "ledger" / f"calibration-{_name(setting)}.json"
    if shelf.is_file():
        found = load_knowledge(shelf, setting.depth)
        return replace(found, origin="calibrated", said=json.loads(shelf.read_text())["said"])
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
    return [_look(setting, bound, model, number) for number, model in enumerate(models)]


def _model(setting: Setting, rounds: int) -> Tensor:
    """The cloud's model after some rounds of the scenario itself."""
    scenario = setting.scenario
    few = affordable(scenario.ladder.taus, len(setting.topology.devices), rounds)
    stop = scenario.stop.model_copy(
        update={"rounds": min(few, rounds), "deadline": None, "target_accuracy": None}
    )
    every = scenario.evaluate.model_copy(update={"every": rounds + 1})
    run = play(scenario.model_copy(update={"stop": stop, "evaluate": every, "sweep": Sweep()}), device="cpu")
    run.engine.settle(run.model)
    if run.model.value is None or not bool(run.model.value.isfinite().all()):
        raise PlanError(
            f"the run to calibrate on diverges at learning rate {scenario.ladder.leaf.learning_rate:g}; lower it"
        )
    return run.model.value.float()


def _look(setting: Setting, bound: BoundTask, model: Tensor, number: int) -> Look:
    leaf, devices = setting.scenario.ladder.leaf, len(bound.samples)
    steps = min(STEPS, setting.scenario.ladder.steps(setting.depth))
    rows = np.empty((devices, setting.dim), dtype=np.float32)
    updates = np.empty_like(rows)
    seen = np.empty((5, devices))
    for device in range(devices):
        picks = _picks(setting, bound.samples[device], device, leaf.batch_size)
        here, loss, noise = _gradient(bound, model, device, picks)
        moved = _walk(
            bound, model, device, steps, leaf.learning_rate, leaf.batch_size, setting.scenario.seed, number
        )
        there, _, _ = _gradient(bound, moved, device, picks)
        rows[device], updates[device] = here.numpy(), (moved - model).numpy()
        part = picks.size < bound.samples[device]
        rise, walk = float((there - here).square().sum()), float((moved - model).square().sum())
        seen[:, device] = loss, noise, noise / len(picks) if part else 0.0, rise, walk
    return Look(rows, seen[0], seen[1], seen[2], seen[3], seen[4], updates)


def _picks(setting: Setting, count: int, device: int, batch: int) -> np.ndarray:
    """Positions [chunks, batch] of a device's samples without repetition, all of them where they are few."""
    key = row_key(setting.scenario.seed, "minibatch", DRAW, device)
    order = np.argsort(words(np.array([key], dtype=np.uint64), count)[0], kind="stable")
    size = min(batch, max(1, count // 2))
    chunks = max(1, min(count, SAMPLES) // size)
    return order[: chunks * size].reshape(chunks, size).astype(np.int64)


def _gradient(bound: BoundTask, model: Tensor, device: int, picks: np.ndarray) -> tuple[Tensor, float, float]:
    """The mean gradient [d] over chunks, the mean loss, and the variance of a chunk's gradient."""
    import torch

    total, squares, loss = torch.zeros_like(model), 0.0, 0.0
    for chunk in picks:
        w = model.detach().clone().requires_grad_(True)
        x, y = bound.gather([device], chunk[None])
        value = bound.loss(bound.views(w), x[0], y[0])
        (g,) = torch.autograd.grad(value, w)
        total += g
        squares += float(g.double().square().sum())
        loss += float(value.detach())
    count = len(picks)
    mean = total / count
    scatter = squares - count * float(mean.double().square().sum())
    return mean, loss / count, max(0.0, scatter) / max(1, count - 1)


def _walk(
    bound: BoundTask, model: Tensor, device: int, steps: int, rate: float, batch: int, seed: int, number: int
) -> Tensor:
    """The model after local SGD steps at a device."""
    import torch

    w = model.detach().clone()
    for step in range(steps):
        key = row_key(seed, "minibatch", DRAW, device, number, step)
        drawn = words(np.array([key], dtype=np.uint64), batch)[0].astype(np.uint64)
        picks = (drawn * np.uint64(bound.samples[device]) >> np.uint64(32)).astype(np.int64)
        x, y = bound.gather([device], picks[None])
        w.requires_grad_(True)
        (g,) = torch.autograd.grad(bound.loss(bound.views(w), x[0], y[0]), w)
        w = (w - rate * g).detach()
    return w


def _concluded(setting: Setting, looks: Sequence[Look]) -> Knowledge:
    """The largest of what was seen, with the standard errors of the look that decided."""
    weights = np.array(setting.weights)
    batch, task = setting.scenario.ladder.leaf.batch_size, setting.task
    smooth = [math.sqrt(float(weights @ look.rises) / float(weights @ look.walks)) for look in looks]
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
    return Knowledge(facts, "calibrated", said, start, errors, _variances(setting, looks[0]))


def _error(values: Floats) -> float:
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def _spread(setting: Setting, look: Look) -> tuple[float, ...]:
    """delta_n^2, less what comes from using a part of the samples."""
    raw = between(setting.topology, setting.weights, look.gradients.astype(np.float64))
    stir, mixing = float(np.array(setting.weights) @ look.stirred), setting.tree.mixing
    return tuple(max(0.0, value - stir * (mixing[n] - mixing[n + 1])) for n, value in enumerate(raw))


def _variances(setting: Setting, look: Look) -> tuple[float, ...]:
    """E||Q(x) - x||^2 / ||x||^2 of each layer's uplink on updates as they occur: a walk's, averaged up the tree."""
    import torch

    mass, rows, found = np.array(setting.weights), look.updates.astype(np.float64), []
    for n, level in enumerate(setting.topology.levels[1:], start=1):
        codec = setting.scenario.ladder.layers[n - 1].up
        keys = [row_key(setting.scenario.seed, "compressor", DRAW, n, row) for row in range(len(rows))]
        given = torch.from_numpy(rows.astype(np.float32))
        sent = codec.encode(given.clone(), Coins(np.array(keys, dtype=np.uint64))).values
        off = (sent - given).double().square().sum(1) / given.double().square().sum(1).clamp_min(1e-300)
        found.append(float(off.mean()))
        parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
        above = np.bincount(parent, mass)
        mean = np.zeros((len(level), rows.shape[1]))
        np.add.at(mean, parent, mass[:, None] * rows)
        mass, rows = above, mean / above[:, None]
    return tuple(found)
