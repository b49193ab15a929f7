"""Where the problem's constants come from: known exactly, given in a file, calibrated, or assumed."""

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
from netsim.bounds.from_scenario import PlanError, Setting, between
from netsim.bounds.problem import Facts

Origin = Literal["known", "given", "calibrated", "assumed"]


@dataclass(frozen=True)
class ConstantsEstimate:
    """The facts with their origin, one line for people, and (calibrated) standard errors and measured variances."""

    facts: Facts
    origin: Origin
    said: str
    start: float | None = None
    """||grad F(w_0)||^2 where it was measured: a bound above it promises nothing."""
    errors: Mapping[str, float] = field(default_factory=dict)
    """Standard errors by the names of the facts."""
    variances: tuple[float, ...] = ()
    """The uplink compressors' measured variances, to be set beside q_n, the worst case."""

    @property
    def trivial(self) -> float:
        """What holds without any training: ||grad F(w_0)||^2 where measured, else its bound 2 L (F_0 - F*)."""
        return self.start if self.start is not None else 2 * self.facts.smoothness * self.facts.gap

    def save(self, path: Path) -> None:
        """Write as JSON, for `--constants`; whole or not at all."""
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        fresh.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)


def load_knowledge(path: Path, depth: int) -> ConstantsEstimate:
    """What `save` wrote, or `{"facts": {smoothness, noise, layers, gap}}` by hand. Raises PlanError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        facts = Facts(**{**data["facts"], "layers": tuple(data["facts"]["layers"])})
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


def known(setting: Setting) -> ConstantsEstimate | None:
    """The constants of a synthetic objective, computed; None for a data set."""
    task, batch = _objective(setting), setting.scenario.ladder.leaf.batch_size
    if task is None:
        return None
    said = task.constants
    if isinstance(task, QuadraticTask):
        points = [-task.curvatures * task.centres]
        start = float(((task.curvatures * task.initial(setting.scenario.seed)) ** 2).sum())
    else:
        points = [task.gradients(w) for w in (task.optimum, task.initial(setting.scenario.seed))]
        start = float((points[1].mean(axis=0) ** 2).sum())
    weights = setting.weights
    layers = np.max([between(setting.topology, weights, rows) for rows in points], axis=0)
    facts = Facts(said.smoothness, said.noise**2 / batch, tuple(layers.tolist()), said.gap)
    where = "at every w" if isinstance(task, QuadraticTask) else "heterogeneity at the start and the optimum"
    return ConstantsEstimate(facts, "known", f"computed from the synthetic objective ({where})", start)


def assumed(setting: Setting) -> ConstantsEstimate:
    """Stand-ins for a data set nobody has calibrated, consistent in units and anchored at the scenario itself.

    F_0 - F* = ln(classes), a classifier that knows nothing; L = 1 / (2 mu K) at the scenario's own mu and
    tau, which are taken to be sane; sigma^2 = 2 L (F_0 - F*), and zeta^2 the same unless the split is IID,
    all of it between the top's children, the safe place (theory: A4).
    """
    ladder = setting.scenario.ladder
    gap = math.log(max(setting.classes, 2))
    smoothness = 1.0 / (2 * ladder.leaf.learning_rate * ladder.steps(setting.depth))
    spread = 0.0 if isinstance(setting.scenario.task.partition, Iid) else 2 * smoothness * gap
    layers = (0.0,) * (setting.depth - 1) + (spread,)
    said = "assumed, not measured (--calibrate measures them): L = 1 / (2 mu K) of the scenario, ln(classes) to gain"
    return ConstantsEstimate(Facts(smoothness, 2 * smoothness * gap, layers, gap), "assumed", said)


def _objective(setting: Setting) -> QuadraticTask | RidgeTask | None:
    if setting.classes and not hasattr(setting.scenario.task.dataset, "objective"):
        return None
    task = setting.task
    return task if isinstance(task, QuadraticTask | RidgeTask) else None
