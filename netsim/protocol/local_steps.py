"""How many SGD steps a device makes in one of its iterations: one, or those of a pass over its own samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from learning.engine import IterationIndex
from netsim.topology import Node


@dataclass(frozen=True)
class LocalSteps:
    """`each[k]` steps for device k; () stands for 1."""

    each: Sequence[int] = ()

    def own(self, device: Node, tau: int, iteration: IterationIndex) -> tuple[int, IterationIndex]:
        """The device's SGD steps in `tau` iterations, and the visit by its own count of them."""
        if not self.each:
            return tau, iteration
        pace = self.each[device.ordinal]
        return pace * tau, replace(iteration, step=pace * iteration.step)

    @property
    def mean(self) -> float:
        """Steps of an iteration, averaged over the devices; a whole number where all are alike."""
        if len(set(self.each)) <= 1:
            return self.each[0] if self.each else 1
        return sum(self.each) / len(self.each)
