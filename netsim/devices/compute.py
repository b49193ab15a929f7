"""Compute models: the modelled duration of an SGD step; nothing is measured during the simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.devices.clock import Clock, Every, Jitter, Work
from netsim.devices.speed_traces import read_speeds
from netsim.devices.variation import SPREADS, Lognormal, NoSpread, Spread
from netsim.rng import uniforms
from netsim.units import DurationS, FlopRate, FrequencyHz, SizeBits, TimeS, check_quantities, render

__all__ = [
    "COMPUTE",
    "SPREADS",
    "Clock",
    "Compute",
    "Constant",
    "Cycles",
    "Flops",
    "Lognormal",
    "NoSpread",
    "Profiled",
    "Servers",
    "Spread",
    "TracedSpeed",
    "Work",
]

TRACE_ROW_PATH = 1 << 40
"""Path element of the draw of a device's row of a trace, larger than every step number."""


class Compute(Protocol):
    """A model of the devices' processors; `clock` makes the durations of a run.

    Models have a `spread` (a factor per device, fixed for the run) and a `jitter` redrawn `every` period of local
    work (`round`) or `every: step`; the two are multiplied.
    """

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """The clock of devices with these leaf ordinals, for steps with this `work`.

        The durations do not depend on the depth of the tree. `clock(...).step_s` are the mean durations of a step.
        """
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


@dataclass(frozen=True)
class Flops:
    """Time = flops / (efficiency x rate): the model's own operation count on a partly used processor.

    Efficiencies of 0.1 to 0.3 are usual for small models on general processors.
    """

    rate: FlopRate = 2e9
    efficiency: float = 0.2
    spread: Spread = field(default_factory=lambda: NoSpread())
    jitter: Spread = field(default_factory=lambda: NoSpread())
    every: Every = "round"

    def __post_init__(self) -> None:
        _check(self, self.every)
        if not 0 < self.efficiency <= 1:
            raise ValueError(f"efficiency must be in (0, 1], got {self.efficiency}; 0.2 is typical")

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """See `Compute`."""
        mean_s = work.flops / (self.efficiency * self.rate)
        return Clock(
            ordinals, mean_s * self.spread.factors(seed, ordinals), Jitter(self.jitter, self.every, seed)
        )

    def describe(self) -> str:
        """See `Compute`."""
        return f"{render(self.rate, 'flop rate')} at efficiency {self.efficiency:g}"


@dataclass(frozen=True)
class Constant:
    """A given time per SGD step, independent of the model (for comparison with papers that fix it)."""

    step: DurationS
    spread: Spread = field(default_factory=lambda: NoSpread())
    jitter: Spread = field(default_factory=lambda: NoSpread())
    every: Every = "round"

    def __post_init__(self) -> None:
        _check(self, self.every)

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """See `Compute`; `work` is not used."""
        step_s = self.step * self.spread.factors(seed, ordinals)
        return Clock(ordinals, step_s, Jitter(self.jitter, self.every, seed))

    def describe(self) -> str:
        """See `Compute`."""
        return f"{render(self.step, 'time')} per step"


@dataclass(frozen=True)
class Cycles:
    """Time = cycles / frequency, with given cycles per sample, or per bit of a sample of given size.

    T = C D / f of the theory literature (Tran et al., INFOCOM 2019: 10 to 30 cycles per bit; Yang et al.,
    arXiv:1911.02417: 1e4 to 3e4 cycles per sample). Cycles per bit do not depend on the model: for deep networks
    they are too few by factors of 1e3 to 1e4; use `flops` for these. The spread acts on the frequency:
    a device whose time is doubled runs at half of `rate`, which changes its `kappa` energy.
    """

    citations: ClassVar[Mapping[str, str]] = {"tran2019federated": "", "yang2019energy": ""}

    rate: FrequencyHz = 1e9
    cycles_per_sample: float | None = None
    cycles_per_bit: float | None = None
    bits_per_sample: SizeBits | None = None
    spread: Spread = field(default_factory=lambda: NoSpread())
    jitter: Spread = field(default_factory=lambda: NoSpread())
    every: Every = "round"

    def __post_init__(self) -> None:
        _check(self, self.every)
        if (self.cycles_per_sample is None) == (self.cycles_per_bit is None):
            given = "neither" if self.cycles_per_bit is None else "both"
            raise ValueError(
                f"cycles needs cycles_per_sample, or cycles_per_bit with bits_per_sample, got {given}"
            )
        if (self.cycles_per_bit is None) != (self.bits_per_sample is None):
            raise ValueError("bits_per_sample goes with cycles_per_bit; write e.g. 6272 bit, or remove it")
        for name in ("cycles_per_sample", "cycles_per_bit", "bits_per_sample"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be finite and > 0, got {value}")

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """See `Compute`; the clock includes cycles and frequencies."""
        cycles = work.samples * self._per_sample
        hz = self.rate / self.spread.factors(seed, ordinals)
        return Clock(ordinals, cycles / hz, Jitter(self.jitter, self.every, seed), cycles, hz)

    @property
    def _per_sample(self) -> float:
        if self.cycles_per_sample is not None:
            return self.cycles_per_sample
        assert self.cycles_per_bit is not None
        assert self.bits_per_sample is not None
        return self.cycles_per_bit * self.bits_per_sample

    def describe(self) -> str:
        """See `Compute`."""
        return f"{self._per_sample:g} cycles per sample at {render(self.rate, 'frequency')}"


@dataclass(frozen=True)
class Profiled:
    """A measured time per sample, whatever the model; measure it for the model that is trained."""

    per_sample: DurationS
    spread: Spread = field(default_factory=lambda: NoSpread())
    jitter: Spread = field(default_factory=lambda: NoSpread())
    every: Every = "round"

    def __post_init__(self) -> None:
        _check(self, self.every)

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """See `Compute`."""
        step_s = work.samples * self.per_sample * self.spread.factors(seed, ordinals)
        return Clock(ordinals, step_s, Jitter(self.jitter, self.every, seed))

    def describe(self) -> str:
        """See `Compute`."""
        return f"{render(self.per_sample, 'time')} per sample"


@dataclass(frozen=True)
class TracedSpeed:
    """Measured device speeds from a CSV file of (ms per sample, kbit/s) rows, FedScale's columns.

    Each device has the first column of one row for the whole run: a row drawn with replacement, keyed by the device
    (`assign: drawn`), or row k mod rows for device k (`in_order`). The second column, a rate, is not used.
    `path` is looked up as described in `netsim.devices.speed_traces.read_speeds`.
    """

    path: str
    assign: Literal["drawn", "in_order"] = "drawn"
    jitter: Spread = field(default_factory=lambda: NoSpread())
    every: Every = "round"

    def __post_init__(self) -> None:
        _check(self, self.every)
        if self.assign not in ("drawn", "in_order"):
            raise ValueError(f"assign must be drawn or in_order, got {self.assign!r}")

    def clock(self, work: Work, ordinals: Sequence[int], seed: int) -> Clock:
        """See `Compute`. Raises ValueError for a missing or damaged file, with its line."""
        per_sample_s = read_speeds(self.path)
        step_s = work.samples * per_sample_s[self._rows(len(per_sample_s), ordinals, seed)]
        return Clock(ordinals, step_s, Jitter(self.jitter, self.every, seed))

    def _rows(self, count: int, ordinals: Sequence[int], seed: int) -> NDArray[np.int64]:
        if self.assign == "in_order":
            return np.asarray(ordinals, dtype=np.int64) % count
        uniform = uniforms(seed, "compute", TRACE_ROW_PATH, ordinals=ordinals)[:, 0]
        return np.asarray(uniform * count, dtype=np.int64)

    def describe(self) -> str:
        """See `Compute`."""
        return f"speeds of {self.path}, {self.assign.replace('_', ' ')}"


@dataclass(frozen=True)
class Servers:
    """The servers: time between the last answer of a round and the new model."""

    aggregation: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)


def _check(part: object, every: str) -> None:
    check_quantities(part)
    if every not in ("round", "step"):
        raise ValueError(f"every must be round or step, got {every!r}; for a fixed difference use spread")


COMPUTE: dict[str, type[Compute]] = {
    "flops": Flops,
    "constant": Constant,
    "cycles": Cycles,
    "profiled": Profiled,
    "traced": TracedSpeed,
}
