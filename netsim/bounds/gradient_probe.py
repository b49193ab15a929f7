"""What is seen at one model: every device's gradient, its minibatches' scatter, and local SGD steps from there.

At most SAMPLES of a device's samples are used. The scatter of minibatches gives sigma^2, and a walk of local SGD steps
gives L as it is met: ||grad F_i(x) - grad F_i(w)|| over ||x - w||, in the mean over devices (A1 asks no more, but for
all x). Estimates, not proofs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.algorithms.algorithm import Leaf
from learning.rng.keyed import row_key, words
from netsim.bounds.from_scenario import between
from netsim.bounds.problem import Floats, Tree
from netsim.topology import Topology

if TYPE_CHECKING:
    from torch import Tensor

    from learning.tasks.task import BoundTask

SAMPLES = 512
"""Of each device, at most."""
STEPS = 20
"""Local SGD steps of a walk, at most."""
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


def look(bound: BoundTask, model: Tensor, leaf: Leaf, steps: int, seed: int, number: int) -> Look:
    """Every device's gradient at `model` [d], on the CPU, and walks of at most `steps` steps, keyed by `number`."""
    devices, steps = len(bound.samples), min(STEPS, steps)
    rows = np.empty((devices, len(model)), dtype=np.float32)
    updates = np.empty_like(rows)
    seen = np.empty((5, devices))
    for device in range(devices):
        picks = _picks(seed, bound.samples[device], device, leaf.batch_size)
        here, loss, noise = _gradient(bound, model, device, picks)
        moved = _walk(bound, model, device, steps, leaf.learning_rate, leaf.batch_size, seed, number)
        there, _, _ = _gradient(bound, moved, device, picks)
        rows[device], updates[device] = here.numpy(), (moved - model).numpy()
        part = picks.size < bound.samples[device]
        rise, walk = float((there - here).square().sum()), float((moved - model).square().sum())
        seen[:, device] = loss, noise, noise / len(picks) if part else 0.0, rise, walk
    return Look(rows, seen[0], seen[1], seen[2], seen[3], seen[4], updates)


def smoothness(seen: Look, weights: Floats) -> float:
    """L as it was met, in the mean over devices."""
    return math.sqrt(float(weights @ seen.rises) / max(float(weights @ seen.walks), 1e-300))


def spread(seen: Look, topology: Topology, weights: Sequence[float], tree: Tree) -> tuple[float, ...]:
    """delta_1^2 ... delta_N^2, less what comes from using a part of the samples."""
    raw = between(topology, weights, seen.gradients.astype(np.float64))
    stir, mixing = float(np.array(weights) @ seen.stirred), tree.mixing
    return tuple(max(0.0, value - stir * (mixing[n] - mixing[n + 1])) for n, value in enumerate(raw))


def _picks(seed: int, count: int, device: int, batch: int) -> np.ndarray:
    """Positions [chunks, batch] of a device's samples without repetition, all of them where they are few."""
    key = row_key(seed, "minibatch", DRAW, device)
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
