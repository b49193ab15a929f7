"""Local work of devices: the number of SGD steps per iteration, and the simulated seconds that they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from learning.engine import IterationIndex
from netsim.devices.clock import Clock
from netsim.energy.meter import Meter
from netsim.topology import Node

Slowdown: TypeAlias = Callable[[Node, float, float], float]
"""(device, nominal seconds, start instant) -> the seconds that work takes there, slow intervals included."""


def no_slowdown(device: Node, nominal_s: float, start_s: float) -> float:
    """Return the nominal seconds."""
    return nominal_s


@dataclass(frozen=True)
class LocalSteps:
    """SGD steps in one iteration of a device: 1, or `per_device[k]` for device k where tau counts epochs."""

    per_device: Sequence[int] = ()

    def count(self, device: Node, tau: int, iteration: IterationIndex) -> tuple[int, IterationIndex]:
        """Return the SGD steps of the device in `tau` iterations, and the iteration index in its own steps."""
        if not self.per_device:
            return tau, iteration
        steps = self.per_device[device.ordinal]
        return steps * tau, replace(iteration, step=steps * iteration.step)

    @property
    def mean(self) -> float:
        """Steps of one iteration, averaged over the devices; an int where all devices make equally many."""
        if len(set(self.per_device)) <= 1:
            return self.per_device[0] if self.per_device else 1
        return sum(self.per_device) / len(self.per_device)


@dataclass(frozen=True)
class LocalWork:
    """Times the local work of devices and charges its energy to `meter`."""

    clock: Clock
    steps: LocalSteps = field(default_factory=LocalSteps)
    slowdown: Slowdown = no_slowdown
    meter: Meter | None = None

    def train_s(self, device: Node, tau: int, iteration: IterationIndex, now_s: float) -> float:
        """Return the seconds of `tau` iterations that begin now."""
        steps, own = self.steps.count(device, tau, iteration)
        nominal_s = self.clock.local_work_s(device.ordinal, steps, own.first_step)
        return self._charge(device, steps, nominal_s, now_s)

    def evaluate_s(self, device: Node, steps: float, iteration: IterationIndex, now_s: float) -> float:
        """Return the seconds of work that costs as much as `steps` SGD steps (a fraction) and begins now."""
        nominal_s = steps * self.clock.local_work_s(device.ordinal, 1, iteration.first_step)
        return self._charge(device, steps, nominal_s, now_s)

    def _charge(self, device: Node, steps: float, nominal_s: float, now_s: float) -> float:
        seconds = self.slowdown(device, nominal_s, now_s)
        if self.meter is not None:
            self.meter.record_compute(device, steps, seconds, now_s)
        return seconds
