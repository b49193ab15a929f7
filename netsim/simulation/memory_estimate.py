"""How much memory a run will take, said before it starts: bytes beside those of Python and its libraries."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any

from learning.aggregation.robust import Median, TrimmedMean
from learning.aggregation.rules import rule_remembers
from learning.compressors import remembers
from learning.datasets import DATASETS, Shape, Synthetic
from learning.engine import Numerics
from learning.engine.numerics import row_bytes, stack_rows
from netsim.scenario import Scenario
from netsim.topology import Topology

SCORED = 1000
"""Test samples that go through the model together (learning.tasks.tensors.CHUNK)."""
ROWS_PER_SERVER, ROWS = 2, 7
"""Models that are alive at once: what a server has and hears; the cloud's own on their way, and one server's sum."""
NODE_BYTES, VISIT_BYTES = 6_000, 500
"""The timeline: a device's processes and links, and what a round writes down about it; measured, not derived."""
IMAGES = ("mnist", "fashion_mnist", "cifar10", "image_folder")
"""Data sets kept in bytes; others are kept in float32."""


@dataclass(frozen=True)
class Footprint:
    """Bytes by what they hold; an estimate, good to a factor of two."""

    data: int
    models: int
    memories: int
    """What nodes keep from message to message: memories, corrections, and messages whose size only values tell."""
    stack: int
    evaluation: int
    timeline: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(asdict(self).values())

    def __str__(self) -> str:
        parts = ", ".join(f"{field.name} {said(getattr(self, field.name))}" for field in fields(self))
        return f"about {said(self.total)} beside the libraries: {parts}"


def footprint(
    scenario: Scenario,
    topology: Topology,
    dim: int,
    shape: Shape,
    numerics: Numerics,
    memory_bytes: int | None = None,
) -> Footprint:
    """The estimate for a run of `scenario`: d = `dim`, data of `shape`; the stack as `memory_bytes` bounds it."""
    nodes = sum(map(len, topology.levels))
    timeline = nodes * (NODE_BYTES + VISIT_BYTES * scenario.stop.rounds)
    if numerics.engine == "timing":
        return Footprint(_data(scenario, topology, shape), 0, 0, 0, 0, timeline)
    number = 8 if numerics.precision == "float64" else 4
    servers = nodes - len(topology.levels[0])
    rows = numerics.stack or stack_rows(dim, numerics, memory_bytes)
    batch = scenario.ladder.leaf.batch_size * (numerics.stack or 1)
    wide = _widest(scenario.task.model, shape)
    return Footprint(
        data=_data(scenario, topology, shape),
        models=number * dim * (ROWS_PER_SERVER * servers + ROWS),
        memories=number * dim * _kept(scenario, topology, dim),
        stack=min(rows, len(topology.levels[0])) * row_bytes(dim, numerics.precision)
        + 4 * number * batch * wide,
        evaluation=2 * number * min(SCORED, shape.test) * wide,
        timeline=timeline,
    )


def said(size: float) -> str:
    """Bytes in words: `23 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _kept(scenario: Scenario, topology: Topology, dim: int) -> int:
    """Vectors that stay: three of a memory or a correction while it changes, one of a message that is coded early."""
    count = gathered = 0
    for layer, children, parents in zip(
        scenario.ladder.layers, topology.levels, topology.levels[1:], strict=False
    ):
        if isinstance(layer.rule, Median | TrimmedMean):  # the answers of one node at a time
            gathered = max(gathered, *(len(parent.children) for parent in parents), 0)
        count += len(children) * (3 * remembers(layer.up) + 3 * layer.drift + (layer.up.bits(dim) is None))
        count += len(parents) * (3 * remembers(layer.downlink) + 4 * rule_remembers(layer.rule))
    prologue = scenario.ladder.prologue
    return count + gathered + (0 if prologue is None else 3 * len(topology.levels[prologue.level - 1]))


def _data(scenario: Scenario, topology: Topology, shape: Shape) -> int:
    """Samples and labels, twice while they are read and put in order."""
    dataset = scenario.task.dataset
    if isinstance(dataset, Synthetic):
        each = dataset.samples if dataset.objective == "logistic" else 1
        return 2 * 8 * len(topology.levels[0]) * each * (dataset.dim + 1)
    names = [name for name, cls in DATASETS.items() if cls is type(dataset)]
    number = 1 if names and names[0] in IMAGES else 4
    return 2 * (shape.train + shape.test) * (number * prod(shape.inputs) + 8)


def _widest(model: Any, shape: Shape) -> int:
    """Numbers per sample in the model's widest layer, where it can tell; else those that go in."""
    widest = getattr(model, "widest", None)
    return prod(shape.inputs) if widest is None else int(widest(shape.inputs, shape.classes))
