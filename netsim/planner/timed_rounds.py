"""Round lengths by the timing engine: what random channels and stragglers do, under common random numbers.

Draws belong to seed, device and step, never to tau, so that all choices of tau meet the same luck. For the
search a linear law, seconds = sum_n c_n r_n + c_0 K, is fitted to a few timed runs (non-negative least
squares); the plans that are shown are timed themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from learning.algorithms.algorithm import Algorithm
from learning.compressors import Plain
from netsim.bounds.costs import CostLaw, exchange_counts
from netsim.bounds.problem import Floats
from netsim.scenario import Scenario
from netsim.scenario.sweep import Sweep
from netsim.selection.selections import Data, PowerOfChoice
from netsim.simulation.run import execute

if TYPE_CHECKING:
    from torch import Tensor

    from learning.compressors import Encoded
    from learning.rng.keyed import KeyedRandom

MOST_VISITS = 2_000
"""Device visits of one timed run, at about 0.2 ms each; what is longer is timed for fewer rounds."""


@dataclass(frozen=True)
class FixedSizeCompressor:
    """A message of a stated size and nothing else: what the timing engine needs of a compressor."""

    payload: int

    @property
    def lossless(self) -> bool:
        """False, so that its own size is charged."""
        return False

    def bits(self, dim: int) -> int:
        """The stated size."""
        return self.payload

    def omega(self, dim: int) -> float:
        """0: error feedback over it is lawful."""
        return 0.0

    def delta(self, dim: int) -> float:
        """1, likewise."""
        return 1.0

    def encode(self, rows: Tensor, rng: KeyedRandom) -> Encoded:
        """Nothing is computed: AssertionError."""
        raise AssertionError("a size carries no values; only the timing engine may meet it")

    def pack(self, row: Tensor, key: int) -> bytes:
        """As `encode`."""
        raise AssertionError("a size carries no bytes; only the timing engine may meet it")

    def unpack(self, data: bytes, dim: int) -> Tensor:
        """As `encode`."""
        raise AssertionError("a size carries no values; only the timing engine may meet it")


@dataclass(frozen=True)
class TimedRounds:
    """A timed run: when each global round ended and what it had drawn by then (nan without an energy section)."""

    ends_s: tuple[float, ...]
    energy_j: tuple[float, ...]
    path: Mapping[str, float]
    """Seconds along the last round's critical path, by the names of the rounds table."""


def time_scenario(
    scenario: Scenario, tau: Sequence[int], up: Sequence[float], down: Sequence[float], rounds: int, seed: int
) -> TimedRounds:
    """Run the scenario's clock alone with other tau and message sizes, for so many rounds.

    Where losses decide who takes part, as many are drawn by data: their poll is not timed.
    """
    algorithm = scenario.layered_algorithm
    layers = tuple(
        replace(layer, tau=t, up=_sized(layer.up, u), down=_sized(layer.downlink, d))
        for layer, t, u, d in zip(algorithm.layers, tau, up, down, strict=True)
    )
    stop = scenario.stop.model_copy(update={"rounds": rounds, "deadline": None, "target_accuracy": None})
    changes = {"algorithm": Algorithm(algorithm.leaf, layers), "stop": stop, "seed": seed, "sweep": Sweep()}
    changes["selection"] = tuple(
        Data(chosen.fraction, chosen.count) if isinstance(chosen, PowerOfChoice) else chosen
        for chosen in scenario.selection
    )
    run = execute(scenario.model_copy(update=changes), engine="timing")
    rows = run.trace.rounds[1:]
    joules = tuple(row.get("energy_j", float("nan")) for row in rows)
    path = {key: float(value) for key, value in rows[-1].items() if key.startswith("path_")}
    return TimedRounds(tuple(row["sim_time_s"] for row in rows), joules, path)


def _sized(codec: object, bits: float) -> FixedSizeCompressor | Plain:
    return codec if isinstance(codec, Plain) and codec.lossless else FixedSizeCompressor(round(bits))


def affordable(tau: Sequence[int], devices: int, rounds: int) -> int:
    """How many of `rounds` rounds can be timed within MOST_VISITS; at least 2."""
    per_round = devices * float(np.prod(np.asarray(tau[1:], dtype=np.float64)))
    return max(2, min(rounds, int(MOST_VISITS / per_round)))


def design(depth: int) -> list[tuple[int, ...]]:
    """Taus whose round lengths determine the law: ones, one layer at a time, and pairs."""
    ones = (1,) * depth
    single = [(*ones[:n], t, *ones[n + 1 :]) for n in range(depth) for t in ((4, 16) if n == 0 else (4,))]
    pairs = [
        tuple(3 if m in both else 1 for m in range(depth)) for both in itertools.combinations(range(depth), 2)
    ]
    return [ones, *single, *pairs]


def fit(taus: Sequence[Sequence[int]], up: Floats, amounts: Floats, first: float, by_bits: bool) -> CostLaw:
    """The law nearest, relatively, to measured amounts [M] at taus [M][N] with uplink bits [N, M]."""
    from scipy.optimize import nnls

    tau = np.array(taus, dtype=np.float64).T
    r = exchange_counts(tau)
    columns = np.concatenate([tau.prod(axis=0)[None], r, *([r * up] if by_bits else [])]).T
    scale = np.maximum(columns.max(axis=0), 1e-300)
    rows = columns / scale / amounts[:, None]
    found, left = nnls(rows, np.ones(len(amounts)))
    found = found / scale
    N = len(tau)
    per_bit = found[1 + N :] if by_bits else np.zeros(N)
    return CostLaw(float(found[0]), found[1 : 1 + N], per_bit, first, float(left / np.sqrt(len(amounts))))
