"""A plan: tau, learning rate and quantization levels for a deadline, with predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.averaging import FedAvg
from learning.algorithms.layer import Leaf
from learning.algorithms.recipe_registry import Recipe
from learning.compressors import Compressor, Qsgd
from netsim.bounds.learning_rate import Mode
from netsim.scenario import Scenario
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.scenario.sweep import Sweep
from netsim.selection.selections import AllChildren, Uniform


@dataclass(frozen=True)
class Plan:
    """A choice with its predictions; `apply` converts it to a scenario. Lists are ordered from the devices up."""

    tau: tuple[int, ...]
    learning_rate: float
    rounds: int
    levels: tuple[int | None, ...] | None
    """Quantization levels per layer where they were chosen (None: not quantized by levels); None: as they were."""
    fraction: float
    """Share of each edge server's devices that take part; below 1 it replaces the scenario's selection."""
    predicted_time_s: float
    predicted_bits: float
    predicted_energy_j: float | None
    predicted_bound: float | None
    """None if the theorem does not hold (the plan is then ranked by its first order)."""
    gap: float | None
    """(value - certificate) / value: the largest possible improvement; None without a certificate."""
    mode: Mode
    value: float
    """What was minimised: the bound, its first order, or the seconds to the target."""

    def apply(self, scenario: Scenario) -> Scenario:
        """The scenario with this plan's choices and number of rounds; its deadline and all else stay."""
        stop = scenario.stop.model_copy(update={"rounds": self.rounds})
        changes: dict[str, Any] = {
            "algorithm": self._algorithm(scenario.algorithm),
            "stop": stop,
            "sweep": Sweep(),
        }
        if self.fraction < 1:
            sample = Uniform(fraction=self.fraction, weights="unbiased", law="bernoulli")
            changes["selection"] = (sample, *[AllChildren()] * (len(self.tau) - 1))
        return scenario.model_copy(update=changes)

    def _algorithm(self, algorithm: Recipe | Algorithm) -> Recipe | Algorithm:
        """Return the recipe with the plan's values if it has such arguments; otherwise the layers written out."""
        if isinstance(algorithm, AdaptiveRecipe):
            algorithm = algorithm.recipe
        changed = self._recipe(algorithm)
        if changed is not None:
            return changed
        layered = algorithm if isinstance(algorithm, Algorithm) else algorithm.to_algorithm()
        ups = self._uplinks([layer.up for layer in layered.layers])
        layers = tuple(
            replace(layer, tau=tau, up=up)
            for layer, tau, up in zip(layered.layers, self.tau, ups, strict=True)
        )
        return Algorithm(Leaf(self.learning_rate, layered.leaf.batch_size), layers)

    def _recipe(self, algorithm: Recipe | Algorithm) -> Recipe | None:
        if isinstance(algorithm, Algorithm):
            return None
        if isinstance(algorithm, FedAvg):
            return replace(algorithm, learning_rate=self.learning_rate, local_steps=self.tau[0])
        names = {field.name for field in fields(algorithm)}  # type: ignore[arg-type]
        if not {"tau", "learning_rate"} <= names or (self.levels is not None and "levels" not in names):
            return None
        changes: dict[str, Any] = {"tau": self.tau, "learning_rate": self.learning_rate}
        if self.levels is not None:
            changes["levels"] = self.levels
        changed: Recipe = replace(algorithm, **changes)  # type: ignore[type-var]
        return changed if changed.to_algorithm().taus == self.tau else None

    def _uplinks(self, uplinks: Sequence[Compressor]) -> list[Compressor]:
        if self.levels is None:
            return list(uplinks)
        return [
            replace(up, levels=s) if isinstance(up, Qsgd) and s is not None else up
            for up, s in zip(uplinks, self.levels, strict=True)
        ]

    def summary(self) -> dict[str, Any]:
        """The object `--json` prints for a plan."""
        return asdict(self)

    def header(self, command: str) -> str:
        """Return comment lines for a saved plan: the command and the predictions."""
        description = {key: value for key, value in self.summary().items() if value is not None}
        return f"# A plan of `{command}`.\n# {json.dumps(description)}\n"
