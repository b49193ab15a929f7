"""A shift for tests: some devices' samples turn to nan, and with them every update made of such a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from learning.datasets.arrays import Arrays
from learning.partitions.distribution_shift import DeviceSamples


@dataclass(frozen=True)
class Poison:
    """The first `samples` (None: all) of each of `devices` are nan."""

    devices: tuple[int, ...]
    samples: int | None = None

    def apply(self, arrays: Arrays, holdings: DeviceSamples) -> Arrays:
        """New arrays of floats."""
        x = arrays.train_x.astype(np.float32)
        for device in self.devices:
            x[holdings.parts[device][: self.samples]] = np.nan
        return replace(arrays, train_x=x, provenance=f"{arrays.provenance}; poisoned {self.devices}")
