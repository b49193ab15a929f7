"""The sweep of a scenario: a grid, zipped lists, sets of overrides and repeated seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FORMS = ("grid", "zip", "list", "seeds")
"""Reserved keys below `sweep:`; no key of a scenario equals one of them."""

MAX_POINTS = 100_000

Setting = tuple[str, Any]


@dataclass(frozen=True)
class Sweep:
    """The points of a sweep: the product of the grid's axes, the zip, the list and the seeds.

    `grid` and `zip` map paths of overrides to their values; the lists of a zip have equal lengths. An entry of `sets`
    (`list:` in a file) maps paths to one value each. `seeds` is a number of seeds, counted from the scenario's, or
    a tuple of seeds.
    """

    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    zip: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    sets: tuple[Mapping[str, Any], ...] = ()
    seeds: int | tuple[int, ...] | None = None

    def __bool__(self) -> bool:
        """Return whether the sweep sets anything."""
        return bool(self.grid or self.zip or self.sets or self.seeds is not None)

    @property
    def paths(self) -> list[str]:
        """All paths that a point sets, each once; `seed` if seeds are repeated."""
        listed = [path for entry in self.sets for path in entry]
        seeds = ["seed"] if self.seeds is not None else []
        return list(dict.fromkeys([*self.grid, *self.zip, *listed, *seeds]))

    @property
    def count(self) -> int:
        """The number of points."""
        return math.prod(len(axis) for axis in self._axes(0))

    def settings(self, seed: int) -> Iterator[dict[str, Any]]:
        """Yield the overrides of every point, the last axis fastest: grid, then zip, list and seeds.

        `seed`: that of the scenario, the first of repeated seeds.
        """
        for chosen in itertools.product(*self._axes(seed)):
            yield dict(itertools.chain.from_iterable(chosen))

    def _axes(self, seed: int) -> list[list[tuple[Setting, ...]]]:
        axes: list[list[tuple[Setting, ...]]] = [
            [((path, value),) for value in values] for path, values in self.grid.items()
        ]
        if self.zip:
            rows = zip(*self.zip.values(), strict=True)
            axes.append([tuple(zip(self.zip, row, strict=True)) for row in rows])
        if self.sets:
            axes.append([tuple(entry.items()) for entry in self.sets])
        if self.seeds is not None:
            seeds = range(seed, seed + self.seeds) if isinstance(self.seeds, int) else self.seeds
            axes.append([(("seed", value),) for value in seeds])
        return axes
