"""Lost messages: repeated by ARQ, or missing (erasure); the channel's errors, never the algorithm's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np

from netsim.rng import generator
from netsim.topology import Node
from netsim.units import TimeS, check_quantities, render

Unit = Literal["packet", "message"]
Direction = Literal["up", "down"]

STREAM = 1
"""First number of the path of these draws in stream "faults"."""
HOPELESS = 0.99
"""Highest error rate: a downlink repeats until it has arrived, then 100 times on average."""


class Loss(Protocol):
    """How attempts fail, and how many an UPLINK makes before the message counts as missing.

    Only uplinks lose messages: a downlink repeats what failed until it has arrived, because a lost downlink
    increment would break the copies of the model that both ends share.
    """

    @property
    def per(self) -> Unit:
        """What fails independently: each packet, or the message as a whole."""
        ...

    @property
    def attempts(self) -> int:
        """Most attempts an uplink makes for each unit, >= 1."""
        ...

    @property
    def retry_latency(self) -> float:
        """Seconds added by each round of repetitions; they do not occupy the medium."""
        ...

    def failure(self, snr: float | None) -> float:
        """Probability in [0, 1] that one attempt of one unit fails; `snr` is the link's mean, linear.

        Raises:
            ValueError: the part needs an SNR and the link has none.
        """
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Identity:
    """Whose draws a link uses: the child's (level, ordinal), so that a deeper tree keeps them."""

    seed: int
    level: int
    ordinal: int
    direction: Direction
    name: str = "this link"
    """For error messages only."""

    @classmethod
    def of(cls, child: Node, seed: int, direction: Direction) -> Identity:
        """The identity of a child's uplink or downlink."""
        return cls(seed, child.level, child.ordinal, direction, repr(child.name))

    def dice(self, message: int) -> np.random.Generator:
        """The generator of this link's message number `message` = 0, 1, ..."""
        way = 0 if self.direction == "up" else 1
        return generator(self.seed, "faults", STREAM, self.level, self.ordinal, way, message)


@dataclass(frozen=True)
class DeliveryAttempts:
    """What became of one message of some units."""

    sent: int
    """Units sent, repetitions included."""
    rounds: int
    """1 when nothing was repeated."""
    missing: int
    """Units that never arrived."""


def attempt(
    dice: np.random.Generator, units: int, error_rates: Sequence[float], attempts: float = math.inf
) -> DeliveryAttempts:
    """Send `units` until every receiver has each of them, or `attempts` rounds are over. Exact.

    In round r a unit is sent again if some receiver k lacks it, which after r independent rounds has
    probability 1 - prod_k (1 - p_k^r); units are independent, so the number still lacking is binomial.
    With one receiver that is the truncated geometric law: E[sent] = units (1 - p^M) / (1 - p), and a unit is
    missing with probability p^M.
    """
    lacking, sent, rounds, before = units, 0, 0, 1.0
    while lacking and rounds < attempts:
        rounds += 1
        sent += lacking
        after = _someone_lacks(error_rates, rounds)
        lacking = int(dice.binomial(lacking, min(1.0, after / before)))
        before = after
    return DeliveryAttempts(sent, max(rounds, 1), lacking)


def _someone_lacks(error_rates: Sequence[float], rounds: int) -> float:
    if 1.0 in error_rates:
        return 1.0
    return -math.expm1(sum(math.log1p(-(p**rounds)) for p in error_rates))


@dataclass(frozen=True)
class NoLoss:
    """Every message arrives at the first attempt."""

    per: ClassVar[Unit] = "message"
    attempts: ClassVar[int] = 1
    retry_latency: ClassVar[float] = 0.0

    def failure(self, snr: float | None) -> float:
        """0."""
        return 0.0

    def describe(self) -> str:
        """See `Loss`."""
        return "no loss"


@dataclass(frozen=True)
class Arq:
    """(H)ARQ: what fails is sent again, up to `attempts` times in all; repetitions occupy the medium.

    Mean attempts (1 - p^M) / (1 - p), residual p^M (truncated geometric). An uplink with a residual error
    is an erasure: per packet a message of n packets arrives with probability (1 - p^M)^n, so choose
    `attempts` with n p^M small (30,000 packets at 10 %: 8 attempts). Each round of repetitions adds
    `retry_latency`.

    Defaults: 4 attempts and 8 ms per retry, LTE's HARQ (8 subframes of 1 ms, 3GPP TS 36.321); the usual
    `error_rate` is the 10 % to which its link adaptation steers (TS 36.213).
    """

    error_rate: float
    attempts: int = 4
    retry_latency: TimeS = 0.008
    per: Unit = "packet"

    def __post_init__(self) -> None:
        check_quantities(self)
        _check_probability("error_rate", self.error_rate, HOPELESS)
        _check_unit(self.per)
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise ValueError(f"attempts must be a whole number >= 1, got {self.attempts!r}; LTE makes 4")

    def failure(self, snr: float | None) -> float:
        """`error_rate`, whatever the SNR: link adaptation keeps it there."""
        return self.error_rate

    def describe(self) -> str:
        """See `Loss`."""
        late = render(self.retry_latency, "time")
        return f"ARQ, {self.error_rate:g} per {self.per}, {self.attempts} attempts, {late} each retry"


@dataclass(frozen=True)
class Erasure:
    """No repetition: an uplink message is missing with a given probability, having used its airtime.

    Per packet a message of n packets survives with probability (1 - p)^n. A downlink repeats (at once) until
    it has arrived.
    """

    attempts: ClassVar[int] = 1
    retry_latency: ClassVar[float] = 0.0

    probability: float
    per: Unit = "message"

    def __post_init__(self) -> None:
        _check_probability("probability", self.probability, HOPELESS)
        _check_unit(self.per)

    def failure(self, snr: float | None) -> float:
        """`probability`, whatever the SNR."""
        return self.probability

    def describe(self) -> str:
        """See `Loss`."""
        return f"erasure, {self.probability:g} per {self.per}"


@dataclass(frozen=True)
class Waterfall:
    """Erasure of whole messages by SNR: PER = 1 - exp(-m / snr), over Rayleigh fading or not.

    With `fading: rayleigh` (as its authors) averaged over snr x Exp(1): PER = 1 - 2 sqrt(a) K1(2 sqrt(a)),
    a = m / mean snr. A downlink repeats (at once) until it has arrived.

    Source: Chen et al., IEEE TWC 2021, arXiv:1909.07972, eq. 4 (there m (I + B N0) / (P h)). Default m 1.08
    from the authors' code (`FLMIN.m`); the paper's 0.023 dB is 1.0053.
    """

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

    def failure(self, snr: float | None) -> float:
        """The packet error rate at a mean SNR."""
        if snr is None:
            raise ValueError(
                "waterfall needs a link with an SNR, but this link has a given rate; use erasure"
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
