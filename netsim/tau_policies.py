"""Policies for adaptive tau: rules that compute the next taus from the measurements of a run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

Taus: TypeAlias = tuple[int, ...]
Need: TypeAlias = Literal["loss", "bounds", "gradients", "deadline"]
"""Requirements of a policy: the loss, an algorithm covered by the bounds, gradients, `stop.deadline`."""

MIN_EXCHANGE_S = 1e-12
"""Lower bound on the duration of an exchange, s, which avoids a division by 0."""


class RunObservation(Protocol):
    """The data of a run that a policy may use, after a global round; sequences start at the devices' layer."""

    @property
    def stage(self) -> int:
        """Number of calls of the policy so far, this one included: 1, 2, ..."""
        ...

    @property
    def start(self) -> Taus:
        """The taus of the first rounds."""
        ...

    @property
    def taus(self) -> Taus:
        """The current taus."""
        ...

    @property
    def excess(self) -> tuple[float, float]:
        """F(w_0) - F* and F(w) - F* on the test set; F* is 0 unless the task has a known optimum."""
        ...

    @property
    def exchange_s(self) -> Sequence[float]:
        """Duration of one downlink and uplink of layer n along the critical path, s, the mean since the last call."""
        ...

    @property
    def mixing(self) -> Sequence[float]:
        """A_n R_n, n = 0 ... N: the factor of independent device noise in the mean of a level-n node."""
        ...

    def plan_taus(self) -> Taus | None:
        """The planner's taus from now to the deadline, with measured constants; None if no round fits."""
        ...


class Policy(Protocol):
    """A rule for the taus; its result is limited to 1 ... `most` of the scenario, layer by layer."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """The requirements; a scenario that lacks one of them is rejected before the run."""
        ...

    def choose(self, observation: RunObservation) -> Sequence[int]:
        """The taus of the next rounds."""
        ...


@dataclass(frozen=True)
class Stages:
    """Given taus: the k-th call takes `taus[k-1]`, further calls the last entry. Needs no measurements."""

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

    def choose(self, observation: RunObservation) -> Sequence[int]:
        """The entry of this stage."""
        return self.taus[min(observation.stage, len(self.taus)) - 1]


@dataclass(frozen=True)
class AdaComm:
    """AdaComm (Wang and Joshi, arXiv:1810.08313): tau = ceil(tau_0 sqrt(F(w) / F(w_0))) on one `layer` only.

    With `saturation` (the paper's gamma, 1/2 there) a tau that the rule does not shorten is multiplied by it.
    The paper's F is the training loss; here it is the test loss, minus F* where a synthetic task has a known F*.
    """

    citations: ClassVar[Mapping[str, str]] = {"wang2019adacomm": ""}

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

    def choose(self, observation: RunObservation) -> Sequence[int]:
        """The current taus with that of the layer changed. Raises ValueError for a layer that does not exist."""
        index = self.layer - 1
        if index >= len(observation.taus):
            raise ValueError(f"layer {self.layer} is none of the {len(observation.taus)} layers")
        tau = shorten_tau(observation.start[index], observation)
        if self.saturation is not None and tau >= observation.taus[index]:
            tau = max(1, math.ceil(self.saturation * observation.taus[index]))
        return (*observation.taus[:index], tau, *observation.taus[index + 1 :])


@dataclass(frozen=True)
class HierLocalQsgdIntervals:
    """The guideline of Hier-Local-QSGD (arXiv:2103.14272), for any depth: tau_1 decays, the others follow the delays.

    The paper finds that the client-edge interval should decay slowly, and that the edge-cloud interval should adapt
    to the ratio of the two delays. Its formulas were not available; these are OUR derivation (docs/planner.md):
    tau_1 = ceil(tau_1,0 sqrt(F(w) / F(w_0))), and k_n = tau_1 ... tau_n in the ratios that minimise
    sum_n t_n / k_n + c sum_n w_n k_n, k_1 <= ... <= k_N, with t_n the measured duration of an exchange on layer n and
    w_n = A_{n-1} R_{n-1} - A_n R_n (w_N without the second term), Theorem 1's share of the gradient noise.
    """

    citations: ClassVar[Mapping[str, str]] = {"liu2021hierqsgd": ""}

    @property
    def needs(self) -> tuple[Need, ...]:
        """The loss, and compressors with a variance."""
        return ("loss", "bounds")

    def choose(self, observation: RunObservation) -> Sequence[int]:
        """tau_1 by the loss, each other tau by its k_n / k_{n-1}."""
        k = optimal_intervals(observation.exchange_s, observation.mixing)
        above = (max(1, round(later / before)) for before, later in itertools.pairwise(k))
        return (shorten_tau(observation.start[0], observation), *above)


@dataclass(frozen=True)
class Replan:
    """The planner's search at each call: the taus with the least bound from now to the deadline, with unchanged mu.

    Its constants are measured: L, sigma^2, delta_n^2 and F(w) - F* at the cloud's model, as in a calibration (the
    gradients of all devices), durations of a local step and of an exchange from the rounds since the last call.
    """

    @property
    def needs(self) -> tuple[Need, ...]:
        """All of them."""
        return ("loss", "bounds", "gradients", "deadline")

    def choose(self, observation: RunObservation) -> Sequence[int]:
        """The taus of the plan; the current ones if no round fits before the deadline."""
        return observation.plan_taus() or observation.taus


def shorten_tau(tau: int, observation: RunObservation) -> int:
    """ceil(tau sqrt(F(w) / F(w_0))); tau if this is undefined, because the model diverged or F(w_0) is 0."""
    first, now = observation.excess
    share = now / first if first > 0 else math.nan
    return max(1, math.ceil(tau * math.sqrt(share))) if 0 <= share < math.inf else tau


def optimal_intervals(exchange_s: Sequence[float], mixing: Sequence[float]) -> list[float]:
    """k_1 <= ... <= k_N, up to a common factor, that minimise sum t_n / k_n + sum w_n k_n.

    Each k_n would be sqrt(t_n / w_n); layers out of order are pooled (pool adjacent violators), which is exact for
    a sum of convex functions. `mixing` are A_n R_n, n = 0 ... N.
    """
    N = len(exchange_s)
    weights = [mixing[n] - mixing[n + 1] for n in range(N - 1)] + [mixing[N - 1]]
    pools: list[tuple[float, float, int]] = []
    for seconds, weight in zip(exchange_s, weights, strict=True):
        pools.append((max(seconds, MIN_EXCHANGE_S), weight, 1))
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

    No tau exceeds `most`, whatever the policy returns. Raises ValueError for a number out of range.
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
