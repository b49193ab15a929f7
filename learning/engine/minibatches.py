"""Which samples a device looks at: with replacement, keyed by the device and its own local step; and their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from learning.coins import row_key, words
from learning.engine.promises import Train
from learning.tasks import BoundTask

TOGETHER = 256
"""Samples gathered at once: enough to hide the cost of a call, few enough that memory is not mapped anew each time."""


def minibatches(seed: int, jobs: Sequence[Train], samples: Sequence[int]) -> NDArray[np.int64]:
    """Positions [K, steps, B] within each device's own sample list; jobs share their leaf and number of steps.

    Word w picks sample floor(w n / 2^32) of n: the bias is below n / 2^32.
    """
    steps, batch = jobs[0].steps, jobs[0].leaf.batch_size
    keys = [row_key(seed, "minibatch", job.device, job.first_step + j) for job in jobs for j in range(steps)]
    drawn = words(np.array(keys, dtype=np.uint64), batch).astype(np.uint64)
    sizes = np.repeat(np.array([samples[job.device] for job in jobs], dtype=np.uint64), steps)
    picked = (drawn * sizes[:, None]) >> np.uint64(32)
    return picked.astype(np.int64).reshape(len(jobs), steps, batch)


def batches(
    task: BoundTask, devices: Sequence[int], picks: NDArray[np.int64]
) -> Iterator[tuple[Tensor, Tensor]]:
    """X [K, B, *inputs] and y [K, B] of every step, from picks [K, steps, B]; small steps are gathered together."""
    rows, steps, batch = picks.shape
    together = max(1, TOGETHER // (rows * batch))
    for first in range(0, steps, together):
        some = picks[:, first : first + together]
        x, y = task.gather(devices, some.reshape(rows, -1))
        x, y = x.view(*some.shape, *x.shape[2:]), y.view(some.shape)
        for step in range(some.shape[1]):
            yield x[:, step], y[:, step]
