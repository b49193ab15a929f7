"""Classification tasks: a dataset, a partition and a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.datasets.arrays import Arrays
from learning.models import Model, initial_vector
from learning.models.architectures import Family
from learning.part_names import part_name
from learning.partitions.partitions import Partition

if TYPE_CHECKING:
    import torch

    from learning.tasks.tensors import BoundClassification


@dataclass(frozen=True, eq=False)
class ClassificationTask:
    """Training `model` on `arrays`, of which device i owns `parts[i]`; see `learning.tasks.task.Task`."""

    arrays: Arrays
    model: Model
    partition: Partition
    parts: Sequence[NDArray[np.int64]]

    @property
    def architecture(self) -> Family:
        """The model's family."""
        return self.model.architecture

    @cached_property
    def dim(self) -> int:
        """Number of parameters d."""
        return self.model.dim(self.arrays.shape.inputs, self.arrays.classes)

    @cached_property
    def flops_per_sample(self) -> int:
        """FLOPs of one sample's gradient."""
        return self.model.flops(self.arrays.shape.inputs, self.arrays.classes)

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.parts)

    @property
    def samples(self) -> list[int]:
        """Training samples of each device."""
        return [len(part) for part in self.parts]

    @property
    def provenance(self) -> str:
        """The source of the data."""
        return self.arrays.provenance

    @property
    def description(self) -> str:
        """A one-line description for reports."""
        low, high = min(self.samples), max(self.samples)
        spread = f"{low}" if low == high else f"{low} to {high}"
        split = f"{self.partition!r} over {self.devices} devices, {spread} samples each"
        return f"{self.model!r} of {self.dim:,} parameters on {self.provenance}; {split}"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the task's content (samples, labels, split, model); hashes the data at about 1 GB/s."""
        data = self.arrays
        identity = part_name((self.model, data.classes, data.mean, data.std))
        digest = blake2b(identity.encode(), digest_size=16)
        for array in (data.train_x, data.train_y, data.test_x, data.test_y, *self.parts):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def initial(self, seed: int) -> NDArray[np.float64]:
        """Return the initial parameters [d], keyed by (seed, "init")."""
        return initial_vector(self.model, self.arrays.shape.inputs, self.arrays.classes, seed)

    def indices(self, device: int) -> NDArray[np.int64]:
        """Return the device's samples as positions in the training split."""
        return self.parts[device]

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundClassification:
        """Return the data and the module as tensors on `device`."""
        from learning.tasks.tensors import BoundClassification

        module = self.model.build(self.arrays.shape.inputs, self.arrays.classes)
        return BoundClassification(module, self.initial, self.arrays, self.parts, device, dtype)
