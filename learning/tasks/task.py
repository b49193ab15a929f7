"""Tasks: what the devices learn together, and how a task is made from its parts."""

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
from learning.partitions.distribution_shift import Shift, shifted
from learning.partitions.partitions import Iid, Partition, TreePartition
from learning.partitions.sharing import check_enough
from learning.tasks.classification import ClassificationTask
from learning.tasks.objectives import QuadraticTask
from learning.tasks.ridge import RidgeTask
from learning.tasks.shared_data import shelf_in_use

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


MOST_PARAMETERS = 10**12
"""Of a model, so that the bits of its messages can be added up."""


class Task(Protocol):
    """What the engines train; torch-free until it is bound."""

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        ...

    @property
    def family(self) -> str:
        """linear, small_conv, conv (see `learning.models.Model.family`) or objective."""
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
        """Where the data come from, for the manifest."""
        ...

    @property
    def description(self) -> str:
        """One line for people."""
        ...

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that name everything the values depend on: data, split, model."""
        ...

    def initial(self, seed: int) -> NDArray[np.float64]:
        """Initial parameters [d]."""
        ...

    def indices(self, device: int) -> NDArray[np.int64]:
        """The samples a device owns, in the order that minibatch positions refer to."""
        ...

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundTask:
        """The task as tensors on a device."""
        ...


class BoundTask(Protocol):
    """A task on one torch device in one dtype."""

    module: nn.Module
    shapes: list[tuple[str, tuple[int, ...]]]
    samples: list[int]
    dim: int
    device: torch.device
    dtype: torch.dtype
    uses_bfloat16: bool
    """Whether local work multiplies in bfloat16."""

    def initial(self, seed: int) -> Tensor:
        """Initial parameters [d]."""
        ...

    def views(self, vectors: Tensor) -> dict[str, Tensor]:
        """Views [..., *shape] by parameter name into vectors [..., d] whose last axis is contiguous."""
        ...

    def gather(self, rows: Sequence[int], picks: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """X [K, B, *inputs], normalised, and y [K, B]: of device rows[k] the samples at positions picks[k]."""
        ...

    def loss(self, params: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Mean loss of one batch X [B, *inputs], y [B]; usable under torch.func's vmap and grad."""
        ...

    def module_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The same through `module`'s own parameters."""
        ...

    def local_loss(self, vector: Tensor, device: int, picks: NDArray[np.int64] | None = None) -> float:
        """Mean loss of a model [d] over samples of a device: those at positions `picks` in its list, or all."""
        ...

    def evaluate(self, vector: Tensor) -> dict[str, float]:
        """{"accuracy", "loss"} of a model [d] on the test split; accuracy is nan where there is none."""
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
    """The task over len(groups) devices, device i below edge server groups[i].

    `paths[i]` are all ancestors of device i but the cloud, for partitions that follow the tree (default: edge servers
    below the cloud). The partition defaults to IID; `shifts` change the devices' samples in their order. Raises
    DataError for missing or damaged data, ValueError where parts do not fit.
    """
    if not groups:
        raise ValueError("a task needs at least one device, got none; add devices to the topology")
    if isinstance(dataset, Synthetic):
        _check_alone(partition, model, shifts)
        return _objective(dataset, tuple(groups), seed)
    chosen, shared = _required(model), partition if partition is not None else Iid()
    shelf, source = shelf_in_use(), (part_name(dataset), data_dir)
    arrays = shelf.data.get(source, lambda: _labelled(dataset).load(data_dir))
    tree = None if paths is None else tuple(paths)
    named = (*source, part_name((chosen, shared, *shifts)), tuple(groups), tree, seed)
    return shelf.tasks.get(named, lambda: _classification(arrays, chosen, shared, groups, tree, shifts, seed))


def _classification(
    arrays: Arrays,
    chosen: Model,
    shared: Partition,
    groups: Sequence[int],
    paths: Paths | None,
    shifts: Sequence[Shift],
    seed: int,
) -> ClassificationTask:
    _size(chosen, arrays.shape)
    parts = _split(shared, arrays.train_y, groups, paths, seed)
    return ClassificationTask(shifted(arrays, shifts, parts, groups, seed), chosen, shared, parts)


def describe_task(
    dataset: Dataset, model: Model | None, data_dir: Path | None = None
) -> tuple[int, int, Shape]:
    """(d, FLOPs per sample, shape of the data) without torch; built-in data need not be there."""
    shape = dataset.describe(data_dir)
    if isinstance(dataset, Synthetic):
        _check_alone(None, model, ())
        return dataset.dim, dataset.flops, shape
    chosen = _required(model)
    return _size(chosen, shape), chosen.flops(shape.inputs, shape.classes), shape


def check_data(
    dataset: Dataset, partition: Partition | None, devices: int, data_dir: Path | None = None
) -> None:
    """Whether a task could be made of data that nobody has read yet.

    Raises DataError where a dataset's files are missing, ValueError where it has too few samples for so many
    devices. What only the labels tell (a Dirichlet draw that leaves a device empty) shows when the task is made.
    """
    if isinstance(dataset, Synthetic):
        return
    least = getattr(partition if partition is not None else Iid(), "least", None)
    if least is not None:
        check_enough(dataset.describe(data_dir).train, devices, least)
    if hasattr(dataset, "locate"):
        dataset.locate(data_dir)


def _objective(law: Synthetic, groups: tuple[int, ...], seed: int) -> Task:
    if law.objective == "logistic":
        return RidgeTask(law, groups, seed)
    task = QuadraticTask(law, groups, seed)
    task.check()
    return task


def _size(model: Model, shape: Shape) -> int:
    """The model's number of parameters, held to MOST_PARAMETERS (ValueError)."""
    dim = model.dim(shape.inputs, shape.classes)
    if dim > MOST_PARAMETERS:
        raise ValueError(
            f"model has {dim:.3g} parameters on inputs {shape.inputs}; at most {MOST_PARAMETERS:.0e} are supported: "
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


def _check_alone(partition: Partition | None, model: Model | None, shifts: Sequence[Shift]) -> None:
    if model is not None or partition not in (None, Iid()) or shifts:
        raise ValueError(
            f"a synthetic objective brings its own model and partition, got {model}, {partition} and "
            f"{len(shifts)} shifts; remove them"
        )
