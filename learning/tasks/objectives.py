"""Synthetic objectives with known smoothness, noise, heterogeneity and distance to the optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.datasets.synthetic import Synthetic
from learning.rng.keyed import row_key
from learning.rng.normal_draws import OBJECTIVE, Floats, mix_keys, normals, scale_to_rms, subtract_group_means

if TYPE_CHECKING:
    import torch

    from learning.tasks.tensors import BoundQuadratic

DEVICES, EDGES, DIRECTION, SAMPLES = range(4)
"""Purposes of draws, the second number of their path after OBJECTIVE."""


@dataclass(frozen=True)
class Constants:
    """The constants of a convergence bound for F, the plain average of the devices' F_i.

    smoothness L and strong_convexity mu hold for every F_i; noise is sigma: E||g - grad F_i(w)||^2 <= sigma^2 for ONE
    sample, and a batch of B divides it by B; heterogeneity and edge_heterogeneity are the root mean squares over
    devices of grad F_i - grad F_edge and of grad F_edge - grad F at the optimum (their squares add up to zeta^2); gap
    is F(w_0) - F(w*).
    """

    smoothness: float
    strong_convexity: float
    noise: float
    heterogeneity: float
    edge_heterogeneity: float
    gap: float


@dataclass(frozen=True, eq=False)
class SyntheticTask:
    """Common part of the synthetic tasks; see `learning.tasks.task.Task` for the interface.

    `spec` are the constants of the objective; groups[i] is the ordinal of device i's edge server.
    """

    spec: Synthetic
    groups: tuple[int, ...]
    seed: int

    architecture = "objective"

    @property
    def dim(self) -> int:
        """Number of parameters d."""
        return self.spec.dim

    @property
    def flops_per_sample(self) -> int:
        """FLOPs of one sample's gradient."""
        return self.spec.flops

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.groups)

    @property
    def samples(self) -> list[int]:
        """The same number of samples on every device."""
        return [self.spec.samples] * self.devices

    @property
    def provenance(self) -> str:
        """The source of the data."""
        return f"synthetic {self.spec.objective}, generated from seed {self.seed}"

    @property
    def description(self) -> str:
        """A one-line description for reports."""
        return f"{self.spec.objective} objective of {self.dim} parameters over {self.devices} devices"

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the task's content."""
        return blake2b(repr((self.spec, self.groups, self.seed)).encode(), digest_size=16).hexdigest()

    def initial(self, seed: int) -> Floats:
        """Return the initial parameters [d], equal in all coordinates, at `distance` from the origin.

        They are the same for every seed, so the gap is known.
        """
        return np.full(self.dim, self.spec.distance / np.sqrt(self.dim))

    def indices(self, device: int) -> NDArray[np.int64]:
        """Return the global ordinals of the device's samples."""
        return np.arange(self.spec.samples, dtype=np.int64) + device * self.spec.samples

    @cached_property
    def edges(self) -> NDArray[np.intp]:
        """Each device's edge server, numbered from 0 without gaps."""
        return np.asarray(np.unique(self.groups, return_inverse=True)[1], dtype=np.intp)

    def row_keys(self, purpose: int, rows: Sequence[int]) -> NDArray[np.uint64]:
        """Return the row keys of one of the objective's draws."""
        return np.array(
            [row_key(self.seed, "data", OBJECTIVE, purpose, row) for row in rows], dtype=np.uint64
        )

    def draw_normals(self, purpose: int, count: int) -> Floats:
        """Return standard normal numbers [count, dim]."""
        return normals(self.row_keys(purpose, range(count)), self.dim)


class QuadraticTask(SyntheticTask):
    """F_i(w) = 1/2 (w - b_i)' H (w - b_i) with diagonal H; the optimum of the average is 0."""

    @cached_property
    def curvatures(self) -> Floats:
        """The diagonal of H [dim], descending from smoothness to strong_convexity."""
        return np.linspace(self.spec.smoothness, self.spec.strong_convexity, self.dim)

    @cached_property
    def centres(self) -> Floats:
        """b [devices, dim]: H b_i is the deviation of device i plus that of its edge server, of exact mean squares."""
        within = subtract_group_means(self.draw_normals(DEVICES, self.devices), self.edges)
        between = self.draw_normals(EDGES, int(self.edges.max()) + 1)[self.edges]
        between = between - between.mean(axis=0)
        deviations = scale_to_rms(within, self.spec.heterogeneity)
        deviations = deviations + scale_to_rms(between, self.spec.edge_heterogeneity)
        centres: Floats = deviations / self.curvatures
        return centres

    def check_topology(self) -> None:
        """Raise ValueError where the topology has too few nodes for the requested heterogeneity."""
        edges = int(self.edges.max()) + 1
        if self.spec.heterogeneity > 0 and edges == self.devices:
            raise ValueError(
                _needs("heterogeneity", self.spec.heterogeneity, "two devices under one edge server")
            )
        if self.spec.edge_heterogeneity > 0 and edges == 1:
            raise ValueError(_needs("edge_heterogeneity", self.spec.edge_heterogeneity, "two edge servers"))

    @property
    def constants(self) -> Constants:
        """The exact constants, valid at every w."""
        start, spec = self.initial(self.seed), self.spec
        gap = 0.5 * float(start @ (self.curvatures * start))
        return Constants(
            spec.smoothness,
            spec.strong_convexity,
            spec.noise,
            spec.heterogeneity,
            spec.edge_heterogeneity,
            gap,
        )

    def sample_noise(self, devices: Sequence[int], positions: NDArray[np.int64]) -> Floats:
        """Return the gradient noise [K, B, dim] of samples `positions` [K, B]; samples 2j and 2j + 1 are opposite."""
        pairs = mix_keys(self.row_keys(SAMPLES, devices)[:, None] + (positions // 2).astype(np.uint64))
        values = normals(pairs.ravel(), self.dim).reshape(*positions.shape, self.dim)
        sizes = (1.0 - 2.0 * (positions % 2)) * (self.spec.noise / np.sqrt(self.dim))
        noise: Floats = values * sizes[..., None]
        return noise

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundQuadratic:
        """Return the objective as tensors on `device`."""
        from learning.tasks.tensors import BoundQuadratic

        start = self.initial(self.seed)
        return BoundQuadratic(
            start, self.samples, device, dtype, self.curvatures, self.centres, self.sample_noise
        )


def _needs(field: str, value: float, needed: str) -> str:
    return f"{field} must be 0 without {needed}, got {value}; set it to 0 or change the topology"
