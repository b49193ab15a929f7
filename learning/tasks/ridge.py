"""Ridge logistic regression on generated data: a convex objective with computed constants."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learning.rng.normal_draws import Floats, normalize_rows, normals, root_mean_square, subtract_group_means
from learning.tasks.objectives import DEVICES, DIRECTION, EDGES, SAMPLES, Constants, SyntheticTask

if TYPE_CHECKING:
    import torch

    from learning.tasks.tensors import BoundRidge


class RidgeTask(SyntheticTask):
    """F_i(w) = mean_j log(1 + exp(-s_ij x_ij' w)) + strong_convexity / 2 ||w||^2, labels s alternating; no bias."""

    @cached_property
    def signs(self) -> Floats:
        """Labels -1 and +1 in turn [samples], the same on every device."""
        return np.tile([-1.0, 1.0], self.spec.samples // 2)

    @cached_property
    def inputs(self) -> Floats:
        """[devices, samples, dim], scaled so that max_i lambda_max(X_i' X_i) / (4 n) + ridge = smoothness."""
        spec = self.spec
        shifts = spec.heterogeneity * normalize_rows(self.draw_normals(DEVICES, self.devices))
        shifts += (
            spec.edge_heterogeneity
            * normalize_rows(self.draw_normals(EDGES, int(self.edges.max()) + 1))[self.edges]
        )
        scatter = normals(self.row_keys(SAMPLES, range(self.devices)), spec.samples * spec.dim)
        raw = spec.noise * scatter.reshape(self.devices, spec.samples, spec.dim) + shifts[:, None]
        raw += self.signs[:, None] * normalize_rows(self.draw_normals(DIRECTION, 1))[0]
        largest = max(np.linalg.eigvalsh(rows.T @ rows)[-1] for rows in raw) / (4 * spec.samples)
        inputs: Floats = raw * np.sqrt((spec.smoothness - spec.strong_convexity) / largest)
        return inputs

    @cached_property
    def optimum(self) -> Floats:
        """w* [dim] by Newton's method, up to rounding."""
        w, ridge, flat = np.zeros(self.dim), self.spec.strong_convexity, self._margins
        for _ in range(100):
            slopes = _sigmoid(-flat @ w)
            gradient = ridge * w - flat.T @ slopes / len(flat)
            hessian = (flat.T * (slopes * (1 - slopes))) @ flat / len(flat) + ridge * np.eye(self.dim)
            step = np.linalg.solve(hessian, gradient)
            w = w - step
            if np.abs(step).max() <= 1e-14 * np.abs(w).max():
                break
        return w

    @property
    def constants(self) -> Constants:
        """Smoothness and gap up to rounding; noise holds at every w, since a sample's fit gradient is at most ||x||."""
        gradients = self.gradients(self.optimum)
        within = subtract_group_means(gradients, self.edges)
        return Constants(
            self.spec.smoothness,
            self.spec.strong_convexity,
            float(np.sqrt((self.inputs**2).sum(axis=2).mean(axis=1).max())),
            root_mean_square(within),
            root_mean_square(gradients - within - gradients.mean(axis=0)),
            self.value(self.initial(self.seed)) - self.value(self.optimum),
        )

    def value(self, w: Floats) -> float:
        """Return F(w)."""
        losses = np.logaddexp(0.0, -self._margins @ w)
        return float(losses.mean() + 0.5 * self.spec.strong_convexity * (w @ w))

    def gradients(self, w: Floats) -> Floats:
        """Return grad F_i(w) of every device [devices, dim]."""
        slopes = self.signs * _sigmoid(-self.signs * (self.inputs @ w))
        fits = np.einsum("ij,ijk->ik", slopes, self.inputs) / self.spec.samples
        gradients: Floats = self.spec.strong_convexity * w - fits
        return gradients

    def bind(self, device: torch.device, dtype: torch.dtype) -> BoundRidge:
        """Return the objective as tensors on `device`."""
        from learning.tasks.tensors import BoundRidge

        labels: NDArray[np.int64] = np.tile((self.signs > 0).astype(np.int64), self.devices)
        flat, minimum = self.inputs.reshape(-1, self.dim), self.value(self.optimum)
        start = self.initial(self.seed)
        return BoundRidge(
            start, self.samples, device, dtype, flat, labels, self.spec.strong_convexity, minimum
        )

    @cached_property
    def _margins(self) -> Floats:
        """s x of every sample [devices * samples, dim]."""
        return (self.inputs * self.signs[:, None]).reshape(-1, self.dim)


def _sigmoid(values: Floats) -> Floats:
    """Return 1 / (1 + exp(-v)) without overflow."""
    half: Floats = 0.5 * (1.0 + np.tanh(0.5 * values))
    return half
