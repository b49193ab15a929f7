"""Synthetic objectives whose smoothness, noise, heterogeneity and distance to the optimum are known numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.datasets.synthetic import Synthetic
from learning.rng.arrays import OBJECTIVE, Floats, centred, mixed, normals, scaled
from learning.rng.keyed import row_key

if TYPE_CHECKING:
    import torch

    from learning.tasks.tensors import BoundQuadratic

DEVICES, EDGES, DIRECTION, SAMPLES = range(4)  # what is drawn, below the OBJECTIVE purpose


@dataclass(frozen=True)
class Constants:
    """What a convergence bound needs, for F = the plain average of the devices' F_i.

    smoothness L and strong_convexity mu hold for every F_i; noise is sigma: E||g - grad F_i(w)||^2 <= sigma^2 for ONE
    sample, a batch of B divides it by B; heterogeneity and edge_heterogeneity are the root mean squares over devices of
    grad F_i - grad F_edge and of grad F_edge - grad F at the optimum (their squares add up to zeta^2);
    gap is F(w_0) - F(w*).
    """

    smoothness: float
    strong_convexity: float
    noise: float
    heterogeneity: float
    edge_heterogeneity: float
    gap: float


@dataclass(frozen=True, eq=False)
class SyntheticTask:
    (
        """What the synthetic tasks share; see `learning.tasks.task.Task` for the contract.

    groups[i] is the ordinal of device i's edge server.
    """
        ""
    )

    law: Synthetic
    groups: tuple[int, ...]
    seed: int

    family = "objective"

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        return self.law.dim

    @property
    def flops_per_sample(self) -> int:
        """FLOPs of one sample's gradient."""
        return self.law.flops

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.groups)

    @property
    def samples(self) -> list[int]:
        """The same number of samples on every device."""
        return [self.law.samples] * self.devices

    @property
    def provenance(self) -> str:
        """Where the data come from."""
        return f"synthetic {self.law.objective}, generated from seed {self.seed}"

    @property
    def description(self) -> str:
        """One line for people."""
        return f"{self.law.objective} objective of {self.dim} parameters over {self.devices} devices"

    @cached_property
    def fingerprint(self) -> str:
        """Names the task's content."""
        return blake2b(repr((self.law, self.groups, self.seed)).encode(), digest_size=16).hexdigest()

    def initial(self, seed: int) -> Floats:
        """All coordinates equal, at `distance` from the origin; the same for every seed, so the gap is known."""
        return np.full(self.dim, self.law.distance / np.sqrt(self.dim))

    def indices(self, device: int) -> NDArray[np.int64]:
        """Global ordinals of the device's samples."""
        return np.arange(self.law.samples, dtype=np.int64) + device * self.law.samples

    @cached_property
    def edges(self) -> NDArray[np.intp]:
        """Each device's edge server, numbered from 0 without holes."""
        return np.asarray(np.unique(self.groups, return_inverse=True)[1], dtype=np.intp)

    def keys(self, purpose: int, rows: Sequence[int]) -> NDArray[np.uint64]:
        """Row keys of one of the objective's draws."""
        return np.array(
            [row_key(self.seed, "data", OBJECTIVE, purpose, row) for row in rows], dtype=np.uint64
        )

    def drawn(self, purpose: int, count: int) -> Floats:
        """Standard normal [count, dim]."""
        return normals(self.keys(purpose, range(count)), self.dim)


class QuadraticTask(SyntheticTask):
    """F_i(w) = 1/2 (w - b_i)' H (w - b_i) with diagonal H; the optimum of the average is 0."""

    @cached_property
    def curvatures(self) -> Floats:
        """The diagonal of H [dim], descending from smoothness to strong_convexity."""
        return np.linspace(self.law.smoothness, self.law.strong_convexity, self.dim)

    @cached_property
    def centres(self) -> Floats:
        """b [devices, dim]: H b_i is device i's deviation plus its edge server's, each of exact mean square."""
        within = centred(self.drawn(DEVICES, self.devices), self.edges)
        between = self.drawn(EDGES, int(self.edges.max()) + 1)[self.edges]
        between = between - between.mean(axis=0)
        pulls = scaled(within, self.law.heterogeneity)
        pulls = pulls + scaled(between, self.law.edge_heterogeneity)
        centres: Floats = pulls / self.curvatures
        return centres

    def check(self) -> None:
        """Raise ValueError where the topology has nobody to differ from."""
        edges = int(self.edges.max()) + 1
        if self.law.heterogeneity > 0 and edges == self.devices:
            raise ValueError(
                _alone("heterogeneity", self.law.heterogeneity, "two devices under one edge server")
            )
        if self.law.edge_heterogeneity > 0 and edges == 1:
            raise ValueError(_alone("edge_heterogeneity", self.law.edge_heterogeneity, "two edge servers"))

    @property
    def constants(self) -> Constants:
        """Exact, at every w."""
        start, law = self.initial(self.seed), self.law
        gap = 0.5 * float(start @ (self.curvatures * start))
        return Constants(
            law.smoothness, law.strong_convexity, law.noise, law.heterogeneity, law.edge_heterogeneity, gap
        )

    def noise_rows(self, rows: Sequence[int], picks: NDArray[np.int64]) -> Floats:
        """Gradient noise [K, B, dim] of samples `picks` [K, B] of devices `rows`; samples 2j and 2j+1 are opposite."""
        pairs = mixed(self.keys(SAMPLES, rows)[:, None] + (picks // 2).astype(np.uint64))
        values = normals(pairs.ravel(), self.dim).reshape(*picks.shape, self.dim)
        sizes = (1.0 - 2.0 * (picks % 2)) * (self.law.noise / np.sqrt(self.dim))
        noise: Floats = values * sizes[..., None]
        return noise

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundQuadratic:
        """The objective as tensors on `device`."""
        from learning.tasks.tensors import BoundQuadratic

        start = self.initial(self.seed)
        return BoundQuadratic(
            start, self.samples, device, dtype, self.curvatures, self.centres, self.noise_rows
        )


def _alone(field: str, value: float, needed: str) -> str:
    return f"{field} must be 0 without {needed}, got {value}; set it to 0 or change the topology"
