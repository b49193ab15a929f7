"""Recipes with an adaptive tau: `{hier_local_qsgd: {tau: {adaptive: {...}}, ...}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from pydantic import ValidationError

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipe_registry import Recipe
from netsim.scenario.dataclass_schema import DataclassForm
from netsim.scenario.errors import Problem, problems_of, validation_error
from netsim.scenario.parts import PartOf
from netsim.tau_policies import Adaptive

KEY = "adaptive"


@dataclass(frozen=True)
class AdaptiveRecipe:
    """A recipe with its first taus, and the policy that changes them; itself a recipe."""

    recipe: Recipe
    control: Adaptive

    def to_algorithm(self) -> Algorithm:
        """Return the algorithm of the first rounds."""
        return self.recipe.to_algorithm()

    def at(self, taus: Sequence[int]) -> Algorithm:
        """Return the algorithm with other taus. Raises ValueError if they violate a condition of the recipe."""
        changed: Recipe = replace(self.recipe, tau=tuple(taus))  # type: ignore[type-var]
        return changed.to_algorithm()

    def is_pinned(self, layer: int) -> bool:
        """Return whether the recipe allows only the first tau of a layer (1 ... N), as for votes in every step."""
        other = list(self.control.start)
        other[layer - 1] += 1
        try:
            self.at(other)
        except ValueError:
            return True
        return False


class AdaptiveRecipeForm:
    """Builds such recipes from plain data and writes them back."""

    def __init__(self, recipes: PartOf) -> None:
        self.recipes, self.control = recipes, DataclassForm(Adaptive, recipes.dataclass_forms)

    def matches(self, value: object) -> TypeGuard[Mapping[str, Any]]:
        """Return whether the value is a recipe with an adaptive tau."""
        if not isinstance(value, Mapping) or len(value) != 1:
            return False
        tau = _tau(value)
        return isinstance(tau, Mapping) and KEY in tau

    def build(self, value: Mapping[str, Any]) -> AdaptiveRecipe:
        """Return the recipe. Raises ValidationError with locations."""
        name, arguments = next(iter(value.items()))
        extra_keys = [key for key in arguments["tau"] if key != KEY]
        if extra_keys:
            text = f"only '{KEY}' is allowed here"
            raise validation_error(
                [Problem((name, "tau", key), text, of_key=True) for key in extra_keys], value
            )
        try:
            control = self.control.build(arguments["tau"][KEY])
        except ValidationError as error:
            raise validation_error(
                [p.under(KEY).under("tau").under(name) for p in problems_of(error)], value
            ) from None
        try:
            recipe = self.recipes.build({name: {**arguments, "tau": list(control.start)}})
            return AdaptiveRecipe(recipe, control)
        except ValidationError as error:
            raise validation_error(
                [_at_start(problem, name) for problem in problems_of(error)], value
            ) from None

    def dump(self, value: AdaptiveRecipe) -> object:
        """Return the recipe as plain data."""
        dumped: Any = self.recipes.dump(value.recipe)
        name, arguments = next(iter(dumped.items()))
        return {name: {**arguments, "tau": {KEY: self.control.dump(value.control)}}}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a recipe with an adaptive tau."""
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


def _at_start(problem: Problem, name: str) -> Problem:
    """Move a problem of the recipe's tau to the key `start`."""
    if problem.loc[:2] != (name, "tau") or problem.of_key:
        return problem
    return Problem((name, "tau", KEY, "start", *problem.loc[2:]), problem.message)
