"""Synthetic objectives with known constants: the part that describes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.datasets.arrays import Shape

LARGEST_DIM, LARGEST_SOLVED = 1_000_000_000, 1_000
"""Largest dimension of an objective, and of one whose optimum is computed by solving dim x dim equations."""
MOST_SAMPLES = 1_000_000_000
SMALLEST, LARGEST = 1e-15, 1e15
"""Bounds of constants whose squares neither vanish nor overflow in float32."""


@dataclass(frozen=True)
class Synthetic:
    """A generated objective whose constants are known; it includes its own model and partition.

    quadratic: F_i(w) = 1/2 (w - b_i)' H (w - b_i), eigenvalues of the diagonal H evenly spaced in [strong_convexity,
    smoothness], optimum 0; a sample adds normal noise of E||xi||^2 = noise^2 to the gradient, and samples come in
    opposite pairs, so a device's average is exact. All constants hold exactly and at every w.
    logistic: binary labels, inputs label * m + shifts + noise * normal, ||m|| = 1, device and edge shifts of length
    `heterogeneity` and `edge_heterogeneity`, rescaled so that the largest device curvature is exactly `smoothness`;
    ridge term strong_convexity / 2 ||w||^2. The start is at `distance` from the origin.
    """

    objective: Literal["quadratic", "logistic"] = "quadratic"
    dim: int = 50
    smoothness: float = 1.0
    strong_convexity: float = 0.1
    noise: float = 1.0
    heterogeneity: float = 0.0
    edge_heterogeneity: float = 0.0
    distance: float = 1.0
    samples: int = 1000

    def __post_init__(self) -> None:
        if self.objective not in ("quadratic", "logistic"):
            raise ValueError(f"objective must be quadratic or logistic, got {self.objective!r}")
        if self.dim < 1:
            raise ValueError(f"dim must be >= 1, got {self.dim}; it is the number of parameters")
        limit = LARGEST_SOLVED if self.objective == "logistic" else LARGEST_DIM
        if self.dim > limit:
            raise ValueError(
                f"dim must be at most {limit:,} for a {self.objective} objective, got {self.dim}; lower it"
            )
        if self.samples > MOST_SAMPLES:
            raise ValueError(
                f"samples must be at most {MOST_SAMPLES:,} per device, got {self.samples}; lower it"
            )
        if self.samples < 2 or self.samples % 2:
            raise ValueError(f"samples must be even and >= 2 (they come in pairs), got {self.samples}")
        for name in ("noise", "heterogeneity", "edge_heterogeneity", "distance"):
            value = getattr(self, name)
            if not (value == 0 or SMALLEST <= value <= LARGEST):
                message = f"{name} must be a finite number >= 0, got {value}"
                raise ValueError(f"{message}; 0, or {SMALLEST:g} to {LARGEST:g}, are supported")
        self._check_curvatures()

    def _check_curvatures(self) -> None:
        low, high = self.strong_convexity, self.smoothness
        if not 0 < low <= high < float("inf"):
            raise ValueError(f"0 < strong_convexity <= smoothness < inf must hold, got {low} and {high}")
        for name in ("strong_convexity", "smoothness"):
            if not SMALLEST <= getattr(self, name) <= LARGEST:
                message = f"{name} must be between {SMALLEST:g} and {LARGEST:g}, got {getattr(self, name)}"
                raise ValueError(f"{message}; 0.1 to 10 are usual")
        if self.objective == "logistic" and low == high:
            raise ValueError(
                f"a logistic objective needs strong_convexity < smoothness, got {low} for both; "
                "lower strong_convexity, its ridge term"
            )

    @property
    def flops(self) -> int:
        """FLOPs of one sample's gradient: two passes of one multiply-add per coordinate."""
        return 4 * self.dim

    def describe(self, data_dir: Path | None = None) -> Shape:
        """Return inputs (dim,); counts are those of one device; a quadratic has no classes, none has a test split."""
        return Shape((self.dim,), 2 if self.objective == "logistic" else 0, self.samples, 0)
