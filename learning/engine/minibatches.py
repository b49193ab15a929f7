"""Which samples a device looks at: with replacement, keyed by the device and its own local step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learning.coins import row_key, words
from learning.engine.promises import Train


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
