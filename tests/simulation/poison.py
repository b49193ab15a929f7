"""A distribution shift for tests: samples of some devices become NaN, and so do all updates computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from learning.datasets.arrays import Arrays
from learning.partitions.distribution_shift import DeviceSamples


@dataclass(frozen=True)
class NanSamples:
    """Sets the first `samples` samples (None: all) of each of `devices` to NaN."""

    devices: tuple[int, ...]
    samples: int | None = None

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """Return new float arrays."""
        x = arrays.train_x.astype(np.float32)
        for device in self.devices:
            x[holdings.parts[device][: self.samples]] = np.nan
        return replace(arrays, train_x=x, provenance=f"{arrays.provenance}; poisoned {self.devices}")
