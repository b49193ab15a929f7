"""Gradient probe: every device's gradient at a model, the variance of its minibatches, and local SGD steps.

At most SAMPLES of a device's samples are used. The variance over minibatches estimates sigma^2; local SGD steps from w
to x estimate L as ||grad F_i(x) - grad F_i(w)|| / ||x - w||, averaged over devices (A1 requires this for all x).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.algorithms.layer import Leaf
from learning.rng.keyed import row_key, words
from netsim.bounds.from_scenario import level_variances
from netsim.bounds.problem import Floats, TreeConstants
from netsim.topology import Topology

if TYPE_CHECKING:
    from torch import Tensor

    from learning.tasks.task import BoundTask

SAMPLES = 512
"""Maximum number of samples per device."""
STEPS = 20
"""Maximum number of local SGD steps."""
LARGEST = 300_000_000
"""Maximum of devices x parameters, whose gradients are held at once."""
DRAW = 1 << 41
"""First element of the path of these draws in their streams, different from the steps of all devices."""


@dataclass
class GradientProbe:
    """Gradients of all devices at one model, and their variances."""

    gradients: NDArray[np.float32]
    """[devices, d]."""
    losses: Floats
    """F_i(w) over the samples used."""
    noise: Floats
    """sigma_i^2 of a minibatch's gradient, per device."""
    sampling_variances: Floats
    """Variance of each row of `gradients` due to using a subset of the samples."""
    gradient_changes: Floats
    """||grad F_i(x_i) - grad F_i(w)||^2 after each device's local steps to x_i."""
    distances: Floats
    """||x_i - w||^2."""
    updates: NDArray[np.float32]
    """x_i - w [devices, d]."""


def probe_gradients(
    bound: BoundTask, model: Tensor, leaf: Leaf, steps: int, seed: int, number: int
) -> GradientProbe:
    """Return every device's gradient at `model` [d] on the CPU, and local steps (at most `steps`) keyed by `number`."""
    devices, steps = len(bound.samples), min(STEPS, steps)
    rows = np.empty((devices, len(model)), dtype=np.float32)
    updates = np.empty_like(rows)
    probe = np.empty((5, devices))
    for device in range(devices):
        chunks_of_samples = _sample_chunks(seed, bound.samples[device], device, leaf.batch_size)
        here, loss, noise = _gradient(bound, model, device, chunks_of_samples)
        moved = _local_sgd(bound, model, device, steps, leaf.learning_rate, leaf.batch_size, seed, number)
        there, _, _ = _gradient(bound, moved, device, chunks_of_samples)
        rows[device], updates[device] = here.numpy(), (moved - model).numpy()
        part = chunks_of_samples.size < bound.samples[device]
        rise, walk = float((there - here).square().sum()), float((moved - model).square().sum())
        probe[:, device] = loss, noise, noise / len(chunks_of_samples) if part else 0.0, rise, walk
    return GradientProbe(rows, probe[0], probe[1], probe[2], probe[3], probe[4], updates)


def smoothness(probe: GradientProbe, weights: Floats) -> float:
    """Return the estimate of L, averaged over devices."""
    return math.sqrt(float(weights @ probe.gradient_changes) / max(float(weights @ probe.distances), 1e-300))


def spread(
    probe: GradientProbe, topology: Topology, weights: Sequence[float], tree: TreeConstants
) -> tuple[float, ...]:
    """Return delta_1^2 ... delta_N^2, corrected for the variance of using a subset of the samples."""
    raw = level_variances(topology, weights, probe.gradients.astype(np.float64))
    stir, mixing = float(np.array(weights) @ probe.sampling_variances), tree.mixing
    return tuple(max(0.0, value - stir * (mixing[n] - mixing[n + 1])) for n, value in enumerate(raw))


def _sample_chunks(seed: int, count: int, device: int, batch: int) -> np.ndarray:
    """Return positions [chunks, batch] of a device's samples without repetition."""
    key = row_key(seed, "minibatch", DRAW, device)
    order = np.argsort(words(np.array([key], dtype=np.uint64), count)[0], kind="stable")
    size = min(batch, max(1, count // 2))
    chunks = max(1, min(count, SAMPLES) // size)
    return order[: chunks * size].reshape(chunks, size).astype(np.int64)


def _gradient(
    bound: BoundTask, model: Tensor, device: int, chunks_of_samples: np.ndarray
) -> tuple[Tensor, float, float]:
    """Return the mean gradient [d] over chunks, the mean loss, and the variance of a chunk's gradient."""
    import torch

    total, squares, loss = torch.zeros_like(model), 0.0, 0.0
    for chunk in chunks_of_samples:
        w = model.detach().clone().requires_grad_(True)
        x, y = bound.gather([device], chunk[None])
        value = bound.loss(bound.views(w), x[0], y[0])
        (g,) = torch.autograd.grad(value, w)
        total += g
        squares += float(g.double().square().sum())
        loss += float(value.detach())
    count = len(chunks_of_samples)
    mean = total / count
    scatter = squares - count * float(mean.double().square().sum())
    return mean, loss / count, max(0.0, scatter) / max(1, count - 1)


def _local_sgd(
    bound: BoundTask, model: Tensor, device: int, steps: int, rate: float, batch: int, seed: int, number: int
) -> Tensor:
    """Return the model after local SGD steps at a device."""
    import torch

    w = model.detach().clone()
    for step in range(steps):
        key = row_key(seed, "minibatch", DRAW, device, number, step)
        drawn = words(np.array([key], dtype=np.uint64), batch)[0].astype(np.uint64)
        chunks_of_samples = (drawn * np.uint64(bound.samples[device]) >> np.uint64(32)).astype(np.int64)
        x, y = bound.gather([device], chunks_of_samples[None])
        w.requires_grad_(True)
        (g,) = torch.autograd.grad(bound.loss(bound.views(w), x[0], y[0]), w)
        w = (w - rate * g).detach()
    return w
