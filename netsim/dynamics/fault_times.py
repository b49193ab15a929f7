"""Times of faults: random or given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from netsim.rng import generator
from netsim.topology import Node
from netsim.units import DurationS, TimeS, check_quantities, render

FAULT_PATH = 2
"""First path element of these draws in stream "faults"; 1 is message loss."""


class FaultInterval(NamedTuple):
    """The time of one fault, s; `end_s` is inf for a permanent fault."""

    begin_s: float
    end_s: float


class FaultTimes(Protocol):
    """A model of the times at which a node has a fault."""

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """Disjoint intervals in order of time; draws are keyed by seed, `fault_index`, node and count."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Random:
    """A renewal process: up for `between` on average, then down for `repair` on average, and so on.

    `law`: exponential times (memoryless failures, the usual reliability model), or fixed ones, of which each node
    starts at a uniform (keyed) time of its first up time. In the long run a node is down for a share of
    repair / (between + repair) of the time.
    """

    between: DurationS
    repair: DurationS
    law: Literal["exponential", "fixed"] = "exponential"

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.law not in ("exponential", "fixed"):
            raise ValueError(f"law must be exponential or fixed, got {self.law!r}; fixed times are all equal")

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `FaultTimes`."""
        now_s = 0.0
        for count in itertools.count():
            rng = generator(seed, "faults", FAULT_PATH, fault_index, node.level, node.ordinal, count)
            up_s, down_s = self.between, self.repair
            if self.law == "exponential":
                up_s, down_s = (mean * float(rng.standard_exponential()) for mean in (up_s, down_s))
            elif count == 0:
                up_s *= float(rng.random())
            yield FaultInterval(now_s + up_s, now_s + up_s + down_s)
            now_s += up_s + down_s

    def describe(self) -> str:
        """See `FaultTimes`."""
        between, repair = render(self.between, "time"), render(self.repair, "time")
        return f"{self.law}, {between} between, {repair} to repair"


@dataclass(frozen=True)
class Given:
    """Given start times, with one duration for all; without `lasts` the fault is permanent."""

    at: tuple[TimeS, ...]
    lasts: DurationS | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if not self.at:
            raise ValueError("at must name at least one time, got none; write e.g. [20 s]")
        gaps = [later - earlier for earlier, later in itertools.pairwise(self.at)]
        shortest = math.inf if self.lasts is None else self.lasts
        if any(gap <= shortest for gap in gaps):
            raise ValueError(
                f"times of at must rise by more than lasts, got {', '.join(render(t, 'time') for t in self.at)}; "
                "give lasts, or write another fault for another duration"
            )

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `FaultTimes`; deterministic."""
        lasts_s = math.inf if self.lasts is None else self.lasts
        return iter([FaultInterval(at_s, at_s + lasts_s) for at_s in self.at])

    def describe(self) -> str:
        """See `FaultTimes`."""
        lasts = "for good" if self.lasts is None else f"for {render(self.lasts, 'time')}"
        return f"at {', '.join(render(at_s, 'time') for at_s in self.at)} {lasts}"


FAULT_TIMES: dict[str, type[FaultTimes]] = {"random": Random, "given": Given}
