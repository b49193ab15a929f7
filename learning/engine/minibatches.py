"""Which samples a device looks at: with replacement, keyed by the device and its own local step; and their tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from learning.engine.promises import Look, Train
from learning.rng.keyed import row_key, words
from learning.tasks.task import BoundTask

TOGETHER = 256
"""Samples gathered at once: enough to hide the cost of a call, few enough that memory is not mapped anew each time."""


AT_ONCE = 2**16
"""Positions drawn at once: half a MiB, whatever the number of local steps."""


def minibatches(seed: int, jobs: Sequence[Train], samples: Sequence[int]) -> Iterator[NDArray[np.int64]]:
    """Positions [K, some steps, B] within each device's own sample list, all steps in order.

    Jobs share their leaf and number of steps; the same positions are drawn for every AT_ONCE.
    """
    steps = jobs[0].steps
    some = max(1, AT_ONCE // (len(jobs) * jobs[0].leaf.batch_size))
    for first in range(0, steps, some):
        yield _positions(seed, jobs, samples, range(first, min(steps, first + some)))


def _positions(seed: int, jobs: Sequence[Train], samples: Sequence[int], steps: range) -> NDArray[np.int64]:
    """Word w picks sample floor(w n / 2^32) of n: the bias is below n / 2^32."""
    keys = [row_key(seed, "minibatch", job.device, job.first_step + j) for job in jobs for j in steps]
    drawn = words(np.array(keys, dtype=np.uint64), jobs[0].leaf.batch_size).astype(np.uint64)
    sizes = np.repeat(np.array([samples[job.device] for job in jobs], dtype=np.uint64), len(steps))
    picked = (drawn * sizes[:, None]) >> np.uint64(32)
    return picked.astype(np.int64).reshape(len(jobs), len(steps), -1)


def looked_at(seed: int, look: Look, samples: Sequence[int]) -> NDArray[np.int64] | None:
    """Positions [samples] within the device's own list of those that a loss is taken over; None: all."""
    if look.samples is None:
        return None
    key = row_key(seed, "selection", look.device, look.first_step)
    drawn = words(np.array([key], dtype=np.uint64), look.samples)[0].astype(np.uint64)
    picked = (drawn * np.uint64(samples[look.device])) >> np.uint64(32)
    return np.asarray(picked, dtype=np.int64)


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
