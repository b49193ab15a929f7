"""Barriers: when a parent starts an aggregation, and what happens to late children."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias

from netsim.barriers.staleness import NoDiscount, Polynomial, Staleness
from netsim.units import DurationS, check_quantities, render

Late: TypeAlias = Literal["drop", "carry"]
"""drop: cancelled at once, links and devices freed; carry: they continue, and their answers count on arrival."""


class Barrier(Protocol):
    """A rule for when a parent aggregates, and for the children that have not answered by then."""

    @property
    def late(self) -> Late:
        """What happens to the children that have not answered."""
        ...

    @property
    def staleness(self) -> Staleness:
        """The weights of carried answers."""
        ...

    @property
    def timeout_s(self) -> float | None:
        """Timeout after the parent's broadcast at which the barrier is evaluated again, s; None: there is none."""
        ...

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """Whether the aggregation may start.

        Args:
            answered: number of children whose answers arrived.
            ended: number of children whose exchange ended, with an answer or without (a lost upload).
            requested: number of children that were sent the model, or that still worked at that time.
            timed_out: whether `timeout_s` is over.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class All:
    """Wait for all children: the synchronous barrier of most papers."""

    timeout_s: ClassVar[None] = None
    late: ClassVar[Late] = "drop"
    staleness: ClassVar[Staleness] = NoDiscount()

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return ended == requested

    def describe(self) -> str:
        """See `Barrier`."""
        return "for all"


@dataclass(frozen=True)
class First:
    """Wait for the first `count` answers, or for all if fewer children were sent the model."""

    timeout_s: ClassVar[None] = None
    count: int
    late: Late = "drop"
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be >= 1, got {self.count}; to wait for all children use all")
        _check_late(self.late, self.staleness)

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return answered >= self.count or ended == requested

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for the first {self.count}, {_LATE_LABELS[self.late]}"


@dataclass(frozen=True)
class Fraction:
    """Wait for the first ceil(of x number of requested answers) answers."""

    timeout_s: ClassVar[None] = None
    of: float
    late: Late = "drop"
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        if not 0 < self.of <= 1:
            raise ValueError(f"of must be in (0, 1], got {self.of}; 0.8 waits for four of five children")
        _check_late(self.late, self.staleness)

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return answered >= math.ceil(self.of * requested - 1e-9) or ended == requested

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for {self.of:.0%} of the children, {_LATE_LABELS[self.late]}"


@dataclass(frozen=True)
class Deadline:
    """Wait for all answers, at most `after` from the broadcast, but longer if `at_least` answers have not arrived.

    An answer that arrives exactly at the deadline counts.
    """

    after: DurationS
    late: Late = "drop"
    at_least: int = 0
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.at_least < 0:
            raise ValueError(f"at_least must be >= 0, got {self.at_least}; with 1 no aggregation is empty")
        _check_late(self.late, self.staleness)

    @property
    def timeout_s(self) -> float | None:
        """The deadline."""
        return self.after

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return ended == requested or (timed_out and answered >= self.at_least)

    def describe(self) -> str:
        """See `Barrier`."""
        least = f" and {self.at_least} answers" if self.at_least else ""
        return f"until {render(self.after, 'time')} after the broadcast{least}, {_LATE_LABELS[self.late]}"


@dataclass(frozen=True)
class SemiSynchronous:
    """Aggregate every `period`, with the answers that have arrived; the other children continue."""

    period: DurationS
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        check_quantities(self)

    late: ClassVar[Late] = "carry"

    @property
    def timeout_s(self) -> float | None:
        """The period."""
        return self.period

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return timed_out

    def describe(self) -> str:
        """See `Barrier`."""
        return f"{render(self.period, 'time')} each time, {_LATE_LABELS['carry']}"


@dataclass(frozen=True)
class Buffer:
    """Aggregate whenever `size` answers have arrived; the other children continue. Source: FedBuff, arXiv:2106.06639.

    The updates, each relative to the model its child received, are averaged, each multiplied by its staleness factor
    (the sum of the factors is not normalised to 1, as in the paper). The paper's server rate is the rule `fedopt` with
    b1 = 0.
    """

    citations: ClassVar[Mapping[str, str]] = {"nguyen2022fedbuff": ""}

    timeout_s: ClassVar[None] = None
    size: int
    staleness: Staleness = field(default_factory=Polynomial)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be >= 1, got {self.size}; 10 is the paper's")

    late: ClassVar[Late] = "carry"

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return answered >= self.size or ended == requested

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for {self.size} answers, {_LATE_LABELS['carry']}"


@dataclass(frozen=True)
class Asynchronous:
    """Aggregate each answer when it arrives: w <- (1 - a) w + a w_child, a = mix x staleness factor.

    Source: FedAsync, arXiv:1903.03934, algorithm 1. Answers that arrive at the same time are mixed in one after the
    other, in the order of the children.
    """

    citations: ClassVar[Mapping[str, str]] = {"xie2019fedasync": ""}

    timeout_s: ClassVar[None] = None
    mix: float = 0.6
    staleness: Staleness = field(default_factory=Polynomial)

    def __post_init__(self) -> None:
        if not 0 < self.mix <= 1:
            raise ValueError(f"mix must be in (0, 1], got {self.mix}; 0.6 is usual")

    late: ClassVar[Late] = "carry"

    def is_satisfied(self, answered: int, ended: int, requested: int, *, timed_out: bool) -> bool:
        """See `Barrier`."""
        return answered >= 1 or ended == requested

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for any answer (asynchronous, mix {self.mix:g})"


_LATE_LABELS = {"drop": "late ones are dropped", "carry": "late ones count when they arrive"}


def _check_late(late: str, staleness: Staleness) -> None:
    if late not in ("drop", "carry"):
        raise ValueError(f"late must be drop or carry, got {late!r}; choose one of these")
    if late == "drop" and staleness != NoDiscount():
        raise ValueError("staleness weighs carried answers, and late: drop carries none; write late: carry")


BARRIERS: dict[str, type[Barrier]] = {
    "all": All,
    "first": First,
    "fraction": Fraction,
    "deadline": Deadline,
    "semi_synchronous": SemiSynchronous,
    "buffer": Buffer,
    "asynchronous": Asynchronous,
}
