"""Whom a parent waits for: when an aggregation begins, and what becomes of late children."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, TypeAlias

from netsim.barriers.staleness import NoDiscount, Polynomial, Staleness
from netsim.units import DurationS, check_quantities, render

Late: TypeAlias = Literal["drop", "carry"]
"""drop: cancelled at once, links and devices freed; carry: they go on, and count in the aggregation they arrive for."""


class Barrier(Protocol):
    """When a parent stops waiting, and what it makes of those who have not answered by then."""

    @property
    def late(self) -> Late:
        """What becomes of them."""
        ...

    @property
    def staleness(self) -> Staleness:
        """What carried answers weigh."""
        ...

    @property
    def after_s(self) -> float | None:
        """Seconds after the parent's broadcast at which the barrier looks again; None: never."""
        ...

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """Whether the aggregation may begin.

        `asked` children were at work when the parent spoke or were told then; `ended` of them are through, `answered`
        of these with an answer (the others' were lost); `due`: `after_s` is over.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class All:
    """Wait for everybody: the synchronous barrier of the papers."""

    after_s: ClassVar[None] = None
    late: ClassVar[Late] = "drop"
    staleness: ClassVar[Staleness] = NoDiscount()

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return ended == asked

    def describe(self) -> str:
        """See `Barrier`."""
        return "for all"


@dataclass(frozen=True)
class First:
    """Wait for the first `count` answers; all, where fewer children were asked."""

    after_s: ClassVar[None] = None
    count: int
    late: Late = "drop"
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be >= 1, got {self.count}; for everybody use all")
        _check_late(self.late, self.staleness)

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return answered >= self.count or ended == asked

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for the first {self.count}, {_SAID[self.late]}"


@dataclass(frozen=True)
class Fraction:
    """Wait for the first ceil(of x asked) answers."""

    after_s: ClassVar[None] = None
    of: float
    late: Late = "drop"
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        if not 0 < self.of <= 1:
            raise ValueError(f"of must be in (0, 1], got {self.of}; 0.8 waits for four of five children")
        _check_late(self.late, self.staleness)

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return answered >= math.ceil(self.of * asked - 1e-9) or ended == asked

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for {self.of:.0%} of the children, {_SAID[self.late]}"


@dataclass(frozen=True)
class Deadline:
    """Wait until all have answered or `after` is over since the parent spoke, and longer for the `at_least`-th answer.

    An answer that arrives at the deadline itself counts.
    """

    after: DurationS
    late: Late = "drop"
    at_least: int = 0
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.at_least < 0:
            raise ValueError(f"at_least must be >= 0, got {self.at_least}; 1 never aggregates nothing")
        _check_late(self.late, self.staleness)

    @property
    def after_s(self) -> float | None:
        """The deadline."""
        return self.after

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return ended == asked or (due and answered >= self.at_least)

    def describe(self) -> str:
        """See `Barrier`."""
        least = f" and {self.at_least} answers" if self.at_least else ""
        return f"until {render(self.after, 'time')} after the broadcast{least}, {_SAID[self.late]}"


@dataclass(frozen=True)
class SemiSynchronous:
    """Aggregate every `period`, whatever has arrived by then; the others go on."""

    period: DurationS
    staleness: Staleness = field(default_factory=NoDiscount)

    def __post_init__(self) -> None:
        check_quantities(self)

    late: ClassVar[Late] = "carry"

    @property
    def after_s(self) -> float | None:
        """The period."""
        return self.period

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return due

    def describe(self) -> str:
        """See `Barrier`."""
        return f"{render(self.period, 'time')} each time, {_SAID['carry']}"


@dataclass(frozen=True)
class Buffer:
    """Aggregate whenever `size` answers are in; everybody else goes on. Source: FedBuff, arXiv:2106.06639.

    Their updates, relative to what each had heard, are averaged, each times its staleness factor (the sum of the
    factors is not brought back to 1, as in the paper). The paper's server rate is the rule `fedopt` with b1 = 0.
    """

    after_s: ClassVar[None] = None
    size: int
    staleness: Staleness = field(default_factory=Polynomial)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be >= 1, got {self.size}; 10 is the paper's")

    late: ClassVar[Late] = "carry"

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return answered >= self.size or ended == asked

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for {self.size} answers, {_SAID['carry']}"


@dataclass(frozen=True)
class Asynchronous:
    """Aggregate each answer as it comes: w <- (1 - a) w + a w_child, a = mix x staleness factor.

    Source: FedAsync, arXiv:1903.03934, algorithm 1. Answers of one instant are mixed in one after the other,
    in the children's order.
    """

    after_s: ClassVar[None] = None
    mix: float = 0.6
    staleness: Staleness = field(default_factory=Polynomial)

    def __post_init__(self) -> None:
        if not 0 < self.mix <= 1:
            raise ValueError(f"mix must be in (0, 1], got {self.mix}; 0.6 is usual")

    late: ClassVar[Late] = "carry"

    def enough(self, answered: int, ended: int, asked: int, *, due: bool) -> bool:
        """See `Barrier`."""
        return answered >= 1 or ended == asked

    def describe(self) -> str:
        """See `Barrier`."""
        return f"for any answer (asynchronous, mix {self.mix:g})"


_SAID = {"drop": "late ones are dropped", "carry": "late ones count when they arrive"}


def _check_late(late: str, staleness: Staleness) -> None:
    if late not in ("drop", "carry"):
        raise ValueError(f"late must be drop or carry, got {late!r}; choose one of these")
    if late == "drop" and staleness != NoDiscount():
        raise ValueError("staleness weighs carried answers, and late: drop carries none; write late: carry")


WAITS: dict[str, type[Barrier]] = {
    "all": All,
    "first": First,
    "fraction": Fraction,
    "deadline": Deadline,
    "semi_synchronous": SemiSynchronous,
    "buffer": Buffer,
    "asynchronous": Asynchronous,
}
