"""A recipe whose taus change under way: `{hier_local_qsgd: {tau: {adaptive: {...}}, ...}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from pydantic import ValidationError

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipes import Recipe
from netsim.scenario.dataclass_schema import Record
from netsim.scenario.errors import Problem, problems_of, refusal
from netsim.scenario.parts import PartOf
from netsim.tau_policies import Adaptive

KEY = "adaptive"


@dataclass(frozen=True)
class AdaptiveRecipe:
    """A recipe with its first taus, and the control that changes them; itself a recipe."""

    recipe: Recipe
    control: Adaptive

    def ladder(self) -> Algorithm:
        """The ladder of the first rounds."""
        return self.recipe.ladder()

    def at(self, taus: Sequence[int]) -> Algorithm:
        """The recipe's ladder with other taus. Raises ValueError where they break a law."""
        changed: Recipe = replace(self.recipe, tau=tuple(taus))  # type: ignore[type-var]
        return changed.ladder()

    def pinned(self, layer: int) -> bool:
        """Whether the recipe allows layer 1 ... N no tau but its first: votes come in every step."""
        other = list(self.control.start)
        other[layer - 1] += 1
        try:
            self.at(other)
        except ValueError:
            return True
        return False


class AdaptiveRecipeForm:
    """How such a recipe is built from plain data and written back."""

    def __init__(self, recipes: PartOf) -> None:
        self.recipes, self.control = recipes, Record(Adaptive, recipes.records)

    def means(self, value: object) -> TypeGuard[Mapping[str, Any]]:
        """Whether the value is a recipe with an adaptive tau."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return False
        tau = _tau(value)
        return isinstance(tau, Mapping) and KEY in tau

    def build(self, value: Mapping[str, Any]) -> AdaptiveRecipe:
        """The recipe; ValidationError with places where something is wrong."""
        name, arguments = next(iter(value.items()))
        crowd = [key for key in arguments["tau"] if key != KEY]
        if crowd:
            said = f"only '{KEY}' fits here, and it is there"
            raise refusal([Problem((name, "tau", key), said, of_key=True) for key in crowd], value)
        try:
            control = self.control.build(arguments["tau"][KEY])
        except ValidationError as error:
            raise refusal(
                [p.below(KEY).below("tau").below(name) for p in problems_of(error)], value
            ) from None
        try:
            recipe = self.recipes.build({name: {**arguments, "tau": list(control.start)}})
            return AdaptiveRecipe(recipe, control)
        except ValidationError as error:
            raise refusal([_started(problem, name) for problem in problems_of(error)], value) from None

    def dump(self, value: AdaptiveRecipe) -> object:
        """In the form it was written in."""
        dumped: Any = self.recipes.dump(value.recipe)
        name, arguments = next(iter(dumped.items()))
        return {name: {**arguments, "tau": {KEY: self.control.dump(value.control)}}}

    def schema(self) -> dict[str, Any]:
        """Any recipe, by its name, whose tau is adaptive."""
        tau = {
            "type": "object",
            "properties": {KEY: self.control.schema()},
            "required": [KEY],
            "additionalProperties": False,
        }
        recipe = {"type": "object", "properties": {"tau": tau}, "required": ["tau"]}
        return {"type": "object", "additionalProperties": recipe, "minProperties": 1, "maxProperties": 1}


def _tau(value: Mapping[str, Any]) -> object:
    arguments = next(iter(value.values()))
    return arguments.get("tau") if isinstance(arguments, Mapping) else None


def _started(problem: Problem, name: str) -> Problem:
    """An objection to the recipe's tau is one to the start."""
    if problem.loc[:2] != (name, "tau") or problem.of_key:
        return problem
    return Problem((name, "tau", KEY, "start", *problem.loc[2:]), problem.message)
