"""Rules by which a run changes its tau under way: each looks at what was measured so far and says the next taus."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Taus: TypeAlias = tuple[int, ...]
Need: TypeAlias = Literal["loss", "bounds", "gradients", "deadline"]
"""What a policy cannot do without: the loss, an algorithm that the bounds cover, gradients, `stop.deadline`."""

INSTANT = 1e-12
"""Seconds that count as none."""


class RunObservation(Protocol):
    """What a policy may look at after a global round; lists run from the devices up. Asking for values forces them."""

    @property
    def stage(self) -> int:
        """How often was asked before, this time included: 1, 2, ..."""
        ...

    @property
    def start(self) -> Taus:
        """The taus of the first rounds."""
        ...

    @property
    def taus(self) -> Taus:
        """The taus in use."""
        ...

    @property
    def excess(self) -> tuple[float, float]:
        """F(w_0) - F* and F(w) - F* on the test set; F* is 0 unless the task knows it."""
        ...

    @property
    def talk_s(self) -> Sequence[float]:
        """Seconds of one downlink and uplink of layer n along the critical path, the mean since the last time."""
        ...

    @property
    def mixing(self) -> Sequence[float]:
        """A_n R_n, n = 0 ... N: what is left of independent device noise in the mean of a level-n node."""
        ...

    def planned(self) -> Taus | None:
        """The planner's taus from now to the deadline, with measured constants; None where no round fits."""
        ...


class Policy(Protocol):
    """Chooses taus; what it returns is kept within 1 and the scenario's `most`, layer by layer."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """What must be there; a scenario that lacks it is refused before the run."""
        ...

    def choose(self, seen: RunObservation) -> Sequence[int]:
        """The taus of the next rounds."""
        ...


@dataclass(frozen=True)
class Stages:
    """Taus given beforehand: the k-th time takes `taus[k-1]`, the last entry stays. It needs no values."""

    taus: tuple[Taus, ...]

    def __post_init__(self) -> None:
        if not self.taus:
            raise ValueError(
                "taus needs at least one entry, got []; each is a list of tau from the devices up"
            )
        for taus in self.taus:
            if any(tau < 1 for tau in taus):
                raise ValueError(f"taus must be >= 1, got {list(taus)}")

    @property
    def needs(self) -> tuple[Need, ...]:
        """Nothing."""
        return ()

    def choose(self, seen: RunObservation) -> Sequence[int]:
        """The entry of this stage."""
        return self.taus[min(seen.stage, len(self.taus)) - 1]


@dataclass(frozen=True)
class AdaComm:
    """AdaComm (Wang and Joshi, arXiv:1810.08313): tau = ceil(tau_0 sqrt(F(w) / F(w_0))) on one `layer`, others stay.

    With `saturation` (the paper's gamma, 1/2 there) a tau that the rule does not shorten is multiplied by it.
    The paper's F is the training loss; here it is the test set's, less F* where a synthetic task knows it.
    """

    layer: int = 1
    saturation: float | None = None

    def __post_init__(self) -> None:
        if self.layer < 1:
            raise ValueError(f"layer must be >= 1, got {self.layer}; layers are counted from the devices up")
        if self.saturation is not None and not 0 < self.saturation < 1:
            raise ValueError(f"saturation must be between 0 and 1, got {self.saturation}; 0.5 in the paper")

    @property
    def needs(self) -> tuple[Need, ...]:
        """The loss."""
        return ("loss",)

    def choose(self, seen: RunObservation) -> Sequence[int]:
        """The taus in use with the layer's changed. Raises ValueError for a layer that is not there."""
        at = self.layer - 1
        if at >= len(seen.taus):
            raise ValueError(f"layer {self.layer} is none of the {len(seen.taus)} layers")
        tau = shortened(seen.start[at], seen)
        if self.saturation is not None and tau >= seen.taus[at]:
            tau = max(1, math.ceil(self.saturation * seen.taus[at]))
        return (*seen.taus[:at], tau, *seen.taus[at + 1 :])


@dataclass(frozen=True)
class HierLocalQsgdIntervals:
    """The guideline of Hier-Local-QSGD (arXiv:2103.14272), for any depth: tau_1 decays, the others follow the delays.

    The paper finds that the client-edge interval should slowly decay, and that the edge-cloud interval should adapt
    to the ratio of the two delays. Its formulas were not at hand; these are OUR derivation (docs/planner.md):
    tau_1 = ceil(tau_1,0 sqrt(F(w) / F(w_0))), and k_n = tau_1 ... tau_n in the ratios that minimise
    sum_n t_n / k_n + c sum_n w_n k_n, k_1 <= ... <= k_N, with t_n the measured seconds of a talk on layer n and
    w_n = A_{n-1} R_{n-1} - A_n R_n (w_N without the second term), Theorem 1's share of the gradient noise.
    """

    @property
    def needs(self) -> tuple[Need, ...]:
        """The loss, and compressors with a variance."""
        return ("loss", "bounds")

    def choose(self, seen: RunObservation) -> Sequence[int]:
        """tau_1 by the loss, each other tau by its k_n / k_{n-1}."""
        k = spread_out(seen.talk_s, seen.mixing)
        above = (max(1, round(later / before)) for before, later in itertools.pairwise(k))
        return (shortened(seen.start[0], seen), *above)


@dataclass(frozen=True)
class Replan:
    """The planner's search, again and again: the bound from here to the deadline, least over tau, mu as it is.

    Its constants are measured: L, sigma^2, delta_n^2 and F(w) - F* at the cloud's model, as a calibration does (every
    device's gradients), seconds per local step and per talk from the rounds since the last time.
    """

    @property
    def needs(self) -> tuple[Need, ...]:
        """Everything."""
        return ("loss", "bounds", "gradients", "deadline")

    def choose(self, seen: RunObservation) -> Sequence[int]:
        """The plan's taus; those in use where nothing fits any more."""
        return seen.planned() or seen.taus


def shortened(tau: int, seen: RunObservation) -> int:
    """ceil(tau sqrt(F(w) / F(w_0))); tau where that has no meaning, because the model diverged or nothing is left."""
    first, now = seen.excess
    share = now / first if first > 0 else math.nan
    return max(1, math.ceil(tau * math.sqrt(share))) if 0 <= share < math.inf else tau


def spread_out(talk_s: Sequence[float], mixing: Sequence[float]) -> list[float]:
    """k_1 <= ... <= k_N, up to a common factor, that minimise sum t_n / k_n + sum w_n k_n.

    Each k_n would be sqrt(t_n / w_n); layers out of order are pooled (pool adjacent violators), which is exact for
    a sum of convex functions. `mixing` are A_n R_n, n = 0 ... N.
    """
    N = len(talk_s)
    weights = [mixing[n] - mixing[n + 1] for n in range(N - 1)] + [mixing[N - 1]]
    pools: list[tuple[float, float, int]] = []
    for seconds, weight in zip(talk_s, weights, strict=True):
        pools.append((max(seconds, INSTANT), weight, 1))
        while len(pools) > 1 and _interval(pools[-2]) > _interval(pools[-1]):
            (t, w, count), (t2, w2, count2) = pools[-2:]
            pools[-2:] = [(t + t2, w + w2, count + count2)]
    return [_interval(pool) for pool in pools for _ in range(pool[2])]


def _interval(pool: tuple[float, float, int]) -> float:
    seconds, weight, _ = pool
    return math.sqrt(seconds / weight) if weight > 0 else math.inf


@dataclass(frozen=True)
class Adaptive:
    """`tau: {adaptive: {start, every, policy}}`: `start` at first; after every `every` rounds `policy` chooses anew.

    No tau exceeds `most`, whatever the policy says. Raises ValueError where a number is out of range.
    """

    start: Taus
    every: int
    policy: Policy
    most: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be >= 1 round, got {self.every}")
        if not self.start:
            raise ValueError("start needs one tau per layer, from the devices up, got []")
        if max(self.start) > self.most:
            raise ValueError(
                f"most must be at least every tau of start, got {self.most} with {list(self.start)}"
            )


POLICIES: dict[str, type[Policy]] = {
    "replan": Replan,
    "hier_local_qsgd": HierLocalQsgdIntervals,
    "adacomm": AdaComm,
    "stages": Stages,
}
