"""When faults happen: at random or at given times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from netsim.rng import generator
from netsim.topology import Node
from netsim.units import DurationS, TimeS, check_quantities, render

STREAM = 2
"""First number of the path of these draws in stream "faults"; 1 is message loss."""


class FaultInterval(NamedTuple):
    """From one instant to another, seconds; `end_s` inf: for good."""

    begin_s: float
    end_s: float


class FaultTimes(Protocol):
    """When something is the matter with a node."""

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """In order of time and apart from each other; draws are keyed by seed, `number` (of the fault), node, count."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Random:
    """A renewal process: sound for `between` on average, then out for `repair` on average, and so on.

    `law`: exponential times (memoryless failures, the usual reliability model), or fixed ones, of which each node
    begins somewhere in its first sound time (a keyed uniform draw). In the long run a node is out for a share of
    repair / (between + repair) of the time.
    """

    between: DurationS
    repair: DurationS
    law: Literal["exponential", "fixed"] = "exponential"

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.law not in ("exponential", "fixed"):
            raise ValueError(f"law must be exponential or fixed, got {self.law!r}; fixed times are all equal")

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `FaultTimes`."""
        now_s = 0.0
        for count in itertools.count():
            dice = generator(seed, "faults", STREAM, number, node.level, node.ordinal, count)
            sound_s, out_s = self.between, self.repair
            if self.law == "exponential":
                sound_s, out_s = (mean * float(dice.standard_exponential()) for mean in (sound_s, out_s))
            elif count == 0:
                sound_s *= float(dice.random())
            yield FaultInterval(now_s + sound_s, now_s + sound_s + out_s)
            now_s += sound_s + out_s

    def describe(self) -> str:
        """See `FaultTimes`."""
        between, repair = render(self.between, "time"), render(self.repair, "time")
        return f"{self.law}, {between} between, {repair} to repair"


@dataclass(frozen=True)
class Given:
    """At given instants, each for the same time; without `lasts` for good."""

    at: tuple[TimeS, ...]
    lasts: DurationS | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if not self.at:
            raise ValueError("at must name at least one instant, got none; write e.g. [20 s]")
        gaps = [later - earlier for earlier, later in itertools.pairwise(self.at)]
        shortest = math.inf if self.lasts is None else self.lasts
        if any(gap <= shortest for gap in gaps):
            raise ValueError(
                f"at must rise, and by more than what one lasts, got {', '.join(render(t, 'time') for t in self.at)}; "
                "give lasts, or write a fault of its own for another time"
            )

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `FaultTimes`; nothing is drawn."""
        lasts_s = math.inf if self.lasts is None else self.lasts
        return iter([FaultInterval(at_s, at_s + lasts_s) for at_s in self.at])

    def describe(self) -> str:
        """See `FaultTimes`."""
        lasts = "for good" if self.lasts is None else f"for {render(self.lasts, 'time')}"
        return f"at {', '.join(render(at_s, 'time') for at_s in self.at)} {lasts}"


OCCURRENCES: dict[str, type[FaultTimes]] = {"random": Random, "given": Given}
