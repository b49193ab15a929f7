"""Constants of the learning problem: known exactly, given in a file, calibrated, or assumed."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from learning.partitions.partitions import Iid
from learning.tasks.objectives import QuadraticTask
from learning.tasks.ridge import RidgeTask
from netsim.bounds.from_scenario import PlanContext, PlanError, level_variances
from netsim.bounds.problem import LearningConstants

Origin = Literal["known", "given", "calibrated", "assumed"]


@dataclass(frozen=True)
class ConstantsEstimate:
    """Learning constants with their origin, a description, and (if calibrated) standard errors and variances."""

    facts: LearningConstants
    origin: Origin
    description: str
    start: float | None = None
    """||grad F(w_0)||^2 if it was measured: a bound above it is vacuous."""
    errors: Mapping[str, float] = field(default_factory=dict)
    """Standard errors by the names of the facts."""
    variances: tuple[float, ...] = ()
    """Measured variances of the uplink compressors; q_n is the worst case."""

    @property
    def trivial_bound(self) -> float:
        """The bound without training: ||grad F(w_0)||^2 if measured, else 2 L (F_0 - F*)."""
        return self.start if self.start is not None else 2 * self.facts.smoothness * self.facts.gap

    def save(self, path: Path) -> None:
        """Write as JSON, for `--constants`, atomically."""
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)


def load_constants(path: Path, depth: int) -> ConstantsEstimate:
    """Load what `save` wrote, or a handwritten `{"facts": {smoothness, noise, layers, gap}}`. Raises PlanError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        facts = LearningConstants(**{**data["facts"], "layers": tuple(data["facts"]["layers"])})
        start = data.get("start")
        errors = {str(k): float(v) for k, v in data.get("errors", {}).items()}
        found = tuple(float(v) for v in data.get("variances", ()))
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        want = '{"facts": {"smoothness": L, "noise": sigma^2, "layers": [delta_1^2, ...], "gap": F_0 - F*}}'
        raise PlanError(f"{path}: {error}; write {want}") from None
    if len(facts.layers) != depth:
        raise PlanError(
            f"{path}: layers has {len(facts.layers)} entries, but the topology has {depth} layers"
        )
    return ConstantsEstimate(facts, "given", f"given in {path.name}", start, errors, found)


def known(setting: PlanContext) -> ConstantsEstimate | None:
    """Return the computed constants of a synthetic objective; None for a data set."""
    task, batch = _objective(setting), setting.scenario.layered_algorithm.leaf.batch_size
    if task is None:
        return None
    description = task.constants
    if isinstance(task, QuadraticTask):
        points = [-task.curvatures * task.centres]
        start = float(((task.curvatures * task.initial(setting.scenario.seed)) ** 2).sum())
    else:
        points = [task.gradients(w) for w in (task.optimum, task.initial(setting.scenario.seed))]
        start = float((points[1].mean(axis=0) ** 2).sum())
    weights = setting.weights
    layers = np.max([level_variances(setting.topology, weights, rows) for rows in points], axis=0)
    facts = LearningConstants(
        description.smoothness, description.noise**2 / batch, tuple(layers.tolist()), description.gap
    )
    where = "at every w" if isinstance(task, QuadraticTask) else "heterogeneity at the start and the optimum"
    return ConstantsEstimate(facts, "known", f"computed from the synthetic objective ({where})", start)


def assumed(setting: PlanContext) -> ConstantsEstimate:
    """Return assumed constants for a data set without calibration, consistent in units and based on the scenario.

    F_0 - F* = ln(classes), that of a uniform classifier; L = 1 / (2 mu K) at the scenario's own mu and
    tau; sigma^2 = 2 L (F_0 - F*), and zeta^2 the same unless the split is IID,
    all of it between the top's children, the safe place (theory: A4).
    """
    algorithm = setting.scenario.layered_algorithm
    gap = math.log(max(setting.classes, 2))
    smoothness = 1.0 / (2 * algorithm.leaf.learning_rate * algorithm.steps(setting.depth))
    spread = 0.0 if isinstance(setting.scenario.task.partition, Iid) else 2 * smoothness * gap
    layers = (0.0,) * (setting.depth - 1) + (spread,)
    description = (
        "assumed, not measured (--calibrate measures them): "
        "L = 1 / (2 mu K) of the scenario, F(w_0) - F* = ln(classes)"
    )
    return ConstantsEstimate(
        LearningConstants(smoothness, 2 * smoothness * gap, layers, gap), "assumed", description
    )


def _objective(setting: PlanContext) -> QuadraticTask | RidgeTask | None:
    if setting.classes and not hasattr(setting.scenario.task.dataset, "objective"):
        return None
    task = setting.task
    return task if isinstance(task, QuadraticTask | RidgeTask) else None
