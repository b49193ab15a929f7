"""Minibatches: sample positions drawn with replacement, keyed by device and local step, and their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from learning.engine.lazy_vectors import LossQuery, Train
from learning.rng.keyed import row_key, words
from learning.tasks.task import BoundTask

GATHERED_SAMPLES = 256
"""Samples gathered at once: amortises the cost of a call without large temporary tensors."""
POSITIONS_PER_DRAW = 2**16
"""Positions drawn at once: 0.5 MiB, whatever the number of local steps."""


def draw_minibatches(seed: int, jobs: Sequence[Train], samples: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Yield positions [K, some steps, B] within each device's sample list, for all steps in order.

    Jobs share their leaf and number of steps. The positions do not depend on POSITIONS_PER_DRAW.
    """
    steps = jobs[0].steps
    chunk = max(1, POSITIONS_PER_DRAW // (len(jobs) * jobs[0].leaf.batch_size))
    for first in range(0, steps, chunk):
        yield _positions(seed, jobs, samples, range(first, min(steps, first + chunk)))


def _positions(seed: int, jobs: Sequence[Train], samples: Sequence[int], steps: range) -> NDArray[np.int64]:
    """Word w selects sample floor(w n / 2^32) of n; the bias is below n / 2^32."""
    keys = [row_key(seed, "minibatch", job.device, job.first_step + j) for job in jobs for j in steps]
    draws = words(np.array(keys, dtype=np.uint64), jobs[0].leaf.batch_size).astype(np.uint64)
    sizes = np.repeat(np.array([samples[job.device] for job in jobs], dtype=np.uint64), len(steps))
    positions = (draws * sizes[:, None]) >> np.uint64(32)
    return positions.astype(np.int64).reshape(len(jobs), len(steps), -1)


def draw_loss_samples(seed: int, query: LossQuery, samples: Sequence[int]) -> NDArray[np.int64] | None:
    """Return the positions [samples] in the device's sample list over which a loss is taken; None: all samples."""
    if query.samples is None:
        return None
    key = row_key(seed, "selection", query.device, query.first_step)
    draws = words(np.array([key], dtype=np.uint64), query.samples)[0].astype(np.uint64)
    positions = (draws * np.uint64(samples[query.device])) >> np.uint64(32)
    return np.asarray(positions, dtype=np.int64)


def gather_batches(
    task: BoundTask, devices: Sequence[int], positions: NDArray[np.int64]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield X [K, B, *inputs] and y [K, B] of every step, from positions [K, steps, B].

    The samples of several small steps are gathered together.
    """
    rows, steps, batch = positions.shape
    steps_at_once = max(1, GATHERED_SAMPLES // (rows * batch))
    for first in range(0, steps, steps_at_once):
        chunk = positions[:, first : first + steps_at_once]
        x, y = task.gather(devices, chunk.reshape(rows, -1))
        x, y = x.view(*chunk.shape, *x.shape[2:]), y.view(chunk.shape)
        for step in range(chunk.shape[1]):
            yield x[:, step], y[:, step]
