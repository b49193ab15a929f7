"""Message losses: repetition by (H)ARQ, or erasure of uplink messages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np

from netsim.rng import generator
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render

Unit = Literal["packet", "message"]
Direction = Literal["up", "down"]

LOSS_PATH = 1
"""First path element of these draws in stream "faults"."""
MAX_ERROR_RATE = 0.99
"""Largest error rate: a downlink repeats until delivery, 100 attempts on average at this rate."""


class Loss(Protocol):
    """A loss model: the error rate of attempts, and the number of attempts on an UPLINK until a message is lost.

    Only uplink messages can be lost: a downlink repeats failed units until delivery, because a lost downlink
    increment would make the model copies at both ends differ.
    """

    @property
    def per(self) -> Unit:
        """The unit that fails independently: each packet, or the whole message."""
        ...

    @property
    def attempts(self) -> int:
        """Maximum number of attempts per unit on an uplink, >= 1."""
        ...

    @property
    def retry_latency(self) -> float:
        """Delay added by each round of repetitions, s; it does not occupy the medium."""
        ...

    def error_probability(self, snr: float | None) -> float:
        """Probability in [0, 1] that one attempt of one unit fails; `snr` is the link's mean SNR, linear.

        Raises:
            ValueError: the model needs an SNR and the link has none.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class LinkIdentity:
    """Key of a link's random draws: (level, ordinal) of the child, so that a deeper tree leaves them unchanged."""

    seed: int
    level: int
    ordinal: int
    direction: Direction
    name: str = "this link"
    """For error messages only."""

    @classmethod
    def of(cls, child: Node, seed: int, direction: Direction) -> LinkIdentity:
        """The identity of a child's uplink or downlink."""
        return cls(seed, child.level, child.ordinal, direction, repr(child.name))

    def generator(self, message: int) -> np.random.Generator:
        """The random generator of this link's message number `message` = 0, 1, ..."""
        direction = 0 if self.direction == "up" else 1
        return generator(self.seed, "faults", LOSS_PATH, self.level, self.ordinal, direction, message)


@dataclass(frozen=True)
class DeliveryAttempts:
    """The outcome of sending one message of several units."""

    sent: int
    """Units sent, repetitions included."""
    rounds: int
    """Rounds of transmission; 1 without repetitions."""
    missing: int
    """Units that were not delivered."""


def simulate_attempts(
    rng: np.random.Generator, units: int, error_rates: Sequence[float], attempts: float = math.inf
) -> DeliveryAttempts:
    """Send `units` until every receiver has each of them, or for `attempts` rounds. Exact.

    In round r a unit is sent again if some receiver k has not received it, which after r independent rounds has
    probability 1 - prod_k (1 - p_k^r); units are independent, so the number of missing units is binomial.
    With one receiver this is the truncated geometric distribution: E[sent] = units (1 - p^M) / (1 - p), and a unit is
    missing with probability p^M.
    """
    missing, sent, rounds, before = units, 0, 0, 1.0
    while missing and rounds < attempts:
        rounds += 1
        sent += missing
        after = _missing_probability(error_rates, rounds)
        missing = int(rng.binomial(missing, min(1.0, after / before)))
        before = after
    return DeliveryAttempts(sent, max(rounds, 1), missing)


def _missing_probability(error_rates: Sequence[float], rounds: int) -> float:
    if 1.0 in error_rates:
        return 1.0
    return -math.expm1(sum(math.log1p(-(p**rounds)) for p in error_rates))


@dataclass(frozen=True)
class NoLoss:
    """Every message is delivered at the first attempt."""

    per: ClassVar[Unit] = "message"
    attempts: ClassVar[int] = 1
    retry_latency: ClassVar[float] = 0.0

    def error_probability(self, snr: float | None) -> float:
        """0."""
        return 0.0

    def describe(self) -> str:
        """See `Loss`."""
        return "no loss"


@dataclass(frozen=True)
class Arq:
    """(H)ARQ: failed units are repeated, with at most `attempts` attempts in all; repetitions occupy the medium.

    Mean attempts (1 - p^M) / (1 - p), residual p^M (truncated geometric). An uplink with a residual error
    is an erasure: per packet a message of n packets is delivered with probability (1 - p^M)^n, so choose
    `attempts` with n p^M small (30,000 packets at 10 %: 8 attempts). Each round of repetitions adds
    `retry_latency`.

    Defaults: 4 attempts and 8 ms per retry, LTE's HARQ (8 subframes of 1 ms, 3GPP TS 36.321); the usual
    `error_rate` is the 10 % target of LTE's link adaptation (TS 36.213).
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp36321": "", "3gpp36213": ""}

    error_rate: float
    attempts: int = 4
    retry_latency: TimeS = 0.008
    per: Unit = "packet"

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_probability("error_rate", self.error_rate, MAX_ERROR_RATE)
        _check_unit(self.per)
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise ValueError(f"attempts must be a whole number >= 1, got {self.attempts!r}; LTE makes 4")

    def error_probability(self, snr: float | None) -> float:
        """`error_rate`, whatever the SNR: link adaptation keeps it constant."""
        return self.error_rate

    def describe(self) -> str:
        """See `Loss`."""
        late = render(self.retry_latency, "time")
        return f"ARQ, {self.error_rate:g} per {self.per}, {self.attempts} attempts, {late} each retry"


@dataclass(frozen=True)
class Erasure:
    """Erasure without repetition: an uplink message is lost with a given probability, after its airtime.

    Per packet, a message of n packets is delivered with probability (1 - p)^n. A downlink repeats (without delay)
    until delivery.
    """

    attempts: ClassVar[int] = 1
    retry_latency: ClassVar[float] = 0.0

    probability: float
    per: Unit = "message"

    def __post_init__(self) -> None:
        _check_probability("probability", self.probability, MAX_ERROR_RATE)
        _check_unit(self.per)

    def error_probability(self, snr: float | None) -> float:
        """`probability`, whatever the SNR."""
        return self.probability

    def describe(self) -> str:
        """See `Loss`."""
        return f"erasure, {self.probability:g} per {self.per}"


@dataclass(frozen=True)
class Waterfall:
    """Erasure of whole messages by SNR: PER = 1 - exp(-m / snr), over Rayleigh fading or not.

    With `fading: rayleigh` (as its authors) averaged over snr x Exp(1): PER = 1 - 2 sqrt(a) K1(2 sqrt(a)),
    a = m / mean snr. A downlink repeats (without delay) until delivery.
    """

    citations: ClassVar[Mapping[str, str]] = {"chen2019joint": ""}

    per: ClassVar[Unit] = "message"
    attempts: ClassVar[int] = 1
    retry_latency: ClassVar[float] = 0.0

    m: float = 1.08
    fading: Literal["rayleigh", "none"] = "rayleigh"

    def __post_init__(self) -> None:
        if not 0 < self.m < math.inf:
            raise ValueError(f"m must be finite and > 0 (linear, not dB), got {self.m}")
        if self.fading not in ("rayleigh", "none"):
            raise ValueError(f"fading must be rayleigh or none, got {self.fading!r}")

    def error_probability(self, snr: float | None) -> float:
        """The packet error rate at a mean SNR."""
        if snr is None:
            raise ValueError(
                "waterfall needs a link with an SNR, but this link has a fixed rate; use erasure"
            )
        a = self.m / snr
        if self.fading == "none":
            return -math.expm1(-a)
        from scipy.special import k1

        root = 2.0 * math.sqrt(a)
        return min(1.0, max(0.0, 1.0 - root * float(k1(root))))

    def describe(self) -> str:
        """See `Loss`."""
        return f"waterfall, m {self.m:g}" + (", Rayleigh" if self.fading == "rayleigh" else "")


def _check_probability(name: str, value: float, highest: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        raise ValueError(f"{name} must be in [0, {highest:g}], got {value!r}; 10 % is 0.1")


def _check_unit(per: str) -> None:
    if per not in ("packet", "message"):
        raise ValueError(f"per must be packet or message, got {per!r}")


LOSSES: dict[str, type[Loss]] = {"none": NoLoss, "arq": Arq, "erasure": Erasure, "waterfall": Waterfall}
