"""Estimate of the memory of a run before it starts, without that of Python and its libraries."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any

from learning.aggregation.robust import Median, TrimmedMean
from learning.aggregation.rules import is_stateful_rule
from learning.compressors import is_stateful
from learning.datasets import DATASETS, Shape, Synthetic
from learning.engine import Numerics
from learning.engine.numerics import row_bytes, stack_rows
from netsim.scenario import Scenario
from netsim.topology import Topology

EVALUATION_BATCH = 1000
"""Test samples that are evaluated together (learning.tasks.tensors.EVALUATION_CHUNK)."""
ROWS_PER_SERVER, ROWS = 2, 7
"""Models that exist at once: a server's own and received one; those of the cloud in flight, and one server's sum."""
NODE_BYTES, ROUND_BYTES = 6_000, 500
"""The timeline: processes and links of a node, and its rows of one round; measured, not derived."""
IMAGES = ("mnist", "fashion_mnist", "cifar10", "image_folder")
"""Data sets stored as uint8; others are stored as float32."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Estimated bytes by purpose, accurate to a factor of two."""

    data: int
    models: int
    memories: int
    """State between messages: compressor memory, corrections, and messages whose size depends on values."""
    stack: int
    evaluation: int
    timeline: int

    @property
    def total(self) -> int:
        """Sum of all purposes in bytes."""
        return sum(asdict(self).values())

    def __str__(self) -> str:
        parts = ", ".join(f"{field.name} {format_bytes(getattr(self, field.name))}" for field in fields(self))
        return f"about {format_bytes(self.total)} beside the libraries: {parts}"


def estimate_memory(
    scenario: Scenario,
    topology: Topology,
    dim: int,
    shape: Shape,
    numerics: Numerics,
    memory_bytes: int | None = None,
) -> MemoryEstimate:
    """Return the estimate for a run: `dim` parameters, data of `shape`, a stack bounded by `memory_bytes`."""
    nodes = sum(map(len, topology.levels))
    timeline = nodes * (NODE_BYTES + ROUND_BYTES * scenario.stop.rounds)
    if numerics.engine == "timing":
        return MemoryEstimate(_data(scenario, topology, shape), 0, 0, 0, 0, timeline)
    number = 8 if numerics.precision == "float64" else 4
    servers = nodes - len(topology.levels[0])
    rows = numerics.stack or stack_rows(dim, numerics, memory_bytes)
    batch = scenario.layered_algorithm.leaf.batch_size * (numerics.stack or 1)
    widest = _widest(scenario.task.model, shape)
    return MemoryEstimate(
        data=_data(scenario, topology, shape),
        models=number * dim * (ROWS_PER_SERVER * servers + ROWS),
        memories=number * dim * _stored_vectors(scenario, topology, dim),
        stack=min(rows, len(topology.levels[0])) * row_bytes(dim, numerics.precision)
        + 4 * number * batch * widest,
        evaluation=2 * number * min(EVALUATION_BATCH, shape.test) * widest,
        timeline=timeline,
    )


def format_bytes(size: float) -> str:
    """Return bytes as text, such as `23 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _stored_vectors(scenario: Scenario, topology: Topology, dim: int) -> int:
    """Return the number of stored vectors: three per memory or correction, one per message that is coded early."""
    count = gathered = 0
    for layer, children, parents in zip(
        scenario.layered_algorithm.layers, topology.levels, topology.levels[1:], strict=False
    ):
        if isinstance(layer.rule, Median | TrimmedMean):  # the answers of one node at a time
            gathered = max(gathered, *(len(parent.children) for parent in parents), 0)
        count += len(children) * (3 * is_stateful(layer.up) + 3 * layer.drift + (layer.up.bits(dim) is None))
        count += len(parents) * (3 * is_stateful(layer.downlink) + 4 * is_stateful_rule(layer.rule))
    prologue = scenario.layered_algorithm.prologue
    return count + gathered + (0 if prologue is None else 3 * len(topology.levels[prologue.level - 1]))


def _data(scenario: Scenario, topology: Topology, shape: Shape) -> int:
    """Return the bytes of samples and labels, twice because they are copied when they are ordered."""
    dataset = scenario.task.dataset
    if isinstance(dataset, Synthetic):
        each = dataset.samples if dataset.objective == "logistic" else 1
        return 2 * 8 * len(topology.levels[0]) * each * (dataset.dim + 1)
    names = [name for name, cls in DATASETS.items() if cls is type(dataset)]
    number = 1 if names and names[0] in IMAGES else 4
    return 2 * (shape.train + shape.test) * (number * prod(shape.inputs) + 8)


def _widest(model: Any, shape: Shape) -> int:
    """Return the numbers per sample in the widest layer of the model; without that, in its input."""
    widest = getattr(model, "widest", None)
    return prod(shape.inputs) if widest is None else int(widest(shape.inputs, shape.classes))
