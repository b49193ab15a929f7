"""Tasks: what the devices learn together, and the construction of a task from its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from learning.datasets import Dataset, Labelled, Shape, Synthetic
from learning.datasets.arrays import Arrays
from learning.models import Model
from learning.part_names import part_name
from learning.partitions.by_layer import Paths
from learning.partitions.distribution_shift import Shift, apply_shifts
from learning.partitions.partitions import Iid, Partition, TreePartition
from learning.partitions.sample_splits import check_sample_count
from learning.tasks.classification import ClassificationTask
from learning.tasks.objectives import QuadraticTask
from learning.tasks.ridge import RidgeTask
from learning.tasks.task_cache import active_task_cache

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


MAX_PARAMETERS = 10**12
"""Largest number of parameters of a model, so that the bits of its messages can be summed."""


class Task(Protocol):
    """A learning task, free of torch until it is bound to a device."""

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        ...

    @property
    def architecture(self) -> str:
        """linear, small_conv, conv (see `learning.models.Model.architecture`) or objective."""
        ...

    @property
    def flops_per_sample(self) -> int:
        """Forward and backward FLOPs of one sample."""
        ...

    @property
    def devices(self) -> int:
        """Number of devices."""
        ...

    @property
    def samples(self) -> list[int]:
        """Training samples of each device."""
        ...

    @property
    def provenance(self) -> str:
        """The source of the data, for the manifest."""
        ...

    @property
    def description(self) -> str:
        """A one-line description for reports."""
        ...

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, a digest of everything that the values depend on: data, split, model."""
        ...

    def initial(self, seed: int) -> NDArray[np.float64]:
        """Return the initial parameters [d]."""
        ...

    def indices(self, device: int) -> NDArray[np.int64]:
        """Return the samples of a device, in the order to which minibatch positions refer."""
        ...

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundTask:
        """Return the task as tensors on a device."""
        ...


class BoundTask(Protocol):
    """A task as tensors on one torch device in one dtype."""

    module: nn.Module
    shapes: list[tuple[str, tuple[int, ...]]]
    samples: list[int]
    dim: int
    device: torch.device
    dtype: torch.dtype
    uses_bfloat16: bool
    """Whether the matrix products of local training use bfloat16."""

    def initial(self, seed: int) -> Tensor:
        """Return the initial parameters [d]."""
        ...

    def views(self, vectors: Tensor) -> dict[str, Tensor]:
        """Return views [..., *shape] by parameter name into vectors [..., d] whose last axis is contiguous."""
        ...

    def gather(self, devices: Sequence[int], positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return X [K, B, *inputs], normalised, and y [K, B]: of devices[k] the samples at positions[k]."""
        ...

    def loss(self, params: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of one batch X [B, *inputs], y [B]; usable under torch.func's vmap and grad."""
        ...

    def module_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the same loss through the parameters of `module`."""
        ...

    def local_loss(self, vector: Tensor, device: int, positions: NDArray[np.int64] | None = None) -> float:
        """Return the mean loss of a model [d] over samples of a device: those at `positions` in its list, or all."""
        ...

    def evaluate(self, vector: Tensor) -> dict[str, float]:
        """Return {"accuracy", "loss"} of a model [d] on the test split; accuracy is nan where there is none."""
        ...


def make_task(
    dataset: Dataset,
    partition: Partition | None,
    model: Model | None,
    groups: Sequence[int],
    seed: int,
    data_dir: Path | None = None,
    *,
    paths: Paths | None = None,
    shifts: Sequence[Shift] = (),
) -> Task:
    """Return the task over len(groups) devices, device i below edge server groups[i].

    `paths[i]` are all ancestors of device i but the cloud, for partitions that follow the tree (default: edge servers
    below the cloud). The partition defaults to IID. `shifts` change the devices' samples, in order. Raises DataError
    for missing or damaged data, ValueError where parts do not fit together.
    """
    if not groups:
        raise ValueError("a task needs at least one device, got none; add devices to the topology")
    if isinstance(dataset, Synthetic):
        _check_no_parts(partition, model, shifts)
        return _objective_task(dataset, tuple(groups), seed)
    required_model, split = _required(model), partition if partition is not None else Iid()
    cache, source = active_task_cache(), (part_name(dataset), data_dir)
    arrays = cache.data.get(source, lambda: _labelled(dataset).load(data_dir))
    tree = None if paths is None else tuple(paths)
    key = (*source, part_name((required_model, split, *shifts)), tuple(groups), tree, seed)
    return cache.tasks.get(
        key, lambda: _classification(arrays, required_model, split, groups, tree, shifts, seed)
    )


def _classification(
    arrays: Arrays,
    model: Model,
    partition: Partition,
    groups: Sequence[int],
    paths: Paths | None,
    shifts: Sequence[Shift],
    seed: int,
) -> ClassificationTask:
    _dimension(model, arrays.shape)
    parts = _split(partition, arrays.train_y, groups, paths, seed)
    return ClassificationTask(apply_shifts(arrays, shifts, parts, groups, seed), model, partition, parts)


def describe_task(
    dataset: Dataset, model: Model | None, data_dir: Path | None = None
) -> tuple[int, int, Shape]:
    """Return (d, FLOPs per sample, shape of the data) without torch; the files of built-in data need not exist."""
    shape = dataset.describe(data_dir)
    if isinstance(dataset, Synthetic):
        _check_no_parts(None, model, ())
        return dataset.dim, dataset.flops, shape
    required_model = _required(model)
    return _dimension(required_model, shape), required_model.flops(shape.inputs, shape.classes), shape


def check_data(
    dataset: Dataset, partition: Partition | None, devices: int, data_dir: Path | None = None
) -> None:
    """Check whether a task can be created, without reading the data.

    Raises DataError where a dataset's files are missing, ValueError where it has too few samples for the devices. What
    depends on labels (a Dirichlet draw that leaves a device empty) is checked when the task is created.
    """
    if isinstance(dataset, Synthetic):
        return
    least = getattr(partition if partition is not None else Iid(), "least", None)
    if least is not None:
        check_sample_count(dataset.describe(data_dir).train, devices, least)
    if hasattr(dataset, "locate"):
        dataset.locate(data_dir)


def _objective_task(spec: Synthetic, groups: tuple[int, ...], seed: int) -> Task:
    if spec.objective == "logistic":
        return RidgeTask(spec, groups, seed)
    task = QuadraticTask(spec, groups, seed)
    task.check_topology()
    return task


def _dimension(model: Model, shape: Shape) -> int:
    """Return the model's number of parameters. Raises ValueError above MAX_PARAMETERS."""
    dim = model.dim(shape.inputs, shape.classes)
    if dim > MAX_PARAMETERS:
        raise ValueError(
            f"model has {dim:.3g} parameters on inputs {shape.inputs}; at most {MAX_PARAMETERS:.0e} are supported: "
            "lower its widths"
        )
    return dim


def _required(model: Model | None) -> Model:
    if model is None:
        raise ValueError("model is missing: a labelled dataset needs one, e.g. `model: logistic`")
    return model


def _labelled(dataset: Dataset) -> Labelled:
    part: Any = dataset
    if not hasattr(part, "load"):
        raise ValueError(f"{type(part).__name__} has no load(data_dir); a dataset must return Arrays from it")
    return cast("Labelled", part)


def _split(
    partition: Partition, labels: NDArray[Any], groups: Sequence[int], paths: Paths | None, seed: int
) -> list[NDArray[np.int64]]:
    if paths is not None and isinstance(partition, TreePartition):
        return partition.split_tree(labels, paths, seed)
    return partition.split(labels, groups, seed)


def _check_no_parts(partition: Partition | None, model: Model | None, shifts: Sequence[Shift]) -> None:
    if model is not None or partition not in (None, Iid()) or shifts:
        raise ValueError(
            f"a synthetic objective brings its own model and partition, got {model}, {partition} and "
            f"{len(shifts)} shifts; remove them"
        )
