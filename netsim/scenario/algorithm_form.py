"""The section `algorithm`: a recipe by name with fixed or adaptive taus, or layers one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipe_registry import Recipe
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe, AdaptiveRecipeForm
from netsim.scenario.dataclass_schema import DataclassForm, ReadsBy, arguments_of, problem_of
from netsim.scenario.errors import Problem, format_value, problems_of, validation_error
from netsim.scenario.parts import PartOf

LADDER_KEYS = ("leaf", "layers")


class AlgorithmForm(ReadsBy):
    """Annotated metadata: `{qmlhfl: {...}}`, or `{leaf: {...}, layers: [{tau, up, rule, down}, ...]}`."""

    def __init__(self, recipes: PartOf) -> None:
        super().__init__(self)
        self.recipes, self.layers_form = recipes, DataclassForm(Algorithm, recipes.dataclass_forms)
        self.adapted = AdaptiveRecipeForm(recipes)

    def build(self, value: object) -> Recipe | Algorithm:
        """Return a recipe or an algorithm written as layers; its conditions have been checked."""
        if isinstance(value, Algorithm | AdaptiveRecipe):
            return value
        if isinstance(value, Mapping) and any(key in value for key in LADDER_KEYS):
            return self._build_layers(value)
        recipe: Any = self.adapted.build(value) if self.adapted.matches(value) else self.recipes.build(value)
        try:
            recipe.to_algorithm()
        except (ValueError, TypeError, ArithmeticError) as error:
            plain = recipe.recipe if isinstance(recipe, AdaptiveRecipe) else recipe
            problem = problem_of(error, [field.name for field in arguments_of(type(plain))])
            name = next(iter(value)) if isinstance(value, Mapping) else None
            raise validation_error(
                [problem.under(name) if name else Problem((), problem.message)], value
            ) from None
        return recipe  # type: ignore[no-any-return]

    def dump(self, value: Recipe | Algorithm) -> object:
        """Return the algorithm in the form in which it was written."""
        if isinstance(value, AdaptiveRecipe):
            return self.adapted.dump(value)
        return self.layers_form.dump(value) if isinstance(value, Algorithm) else self.recipes.dump(value)

    def schema(self) -> dict[str, Any]:
        """Return the schema of a recipe, a recipe with adaptive tau, or layers."""
        return {"anyOf": [self.recipes.schema(), self.adapted.schema(), self.layers_form.schema()]}

    def _build_layers(self, value: Mapping[str, object]) -> Algorithm:
        layers = value.get("layers")
        if "layers" in value and not isinstance(layers, list | tuple):
            text = f"must be a list with one entry per layer, from the devices up, got {format_value(layers)}"
            raise validation_error([Problem(("layers",), text)], value)
        try:
            return self.layers_form.build(value)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise validation_error([_numbered(problem) for problem in problems_of(error)], value) from None


def _numbered(problem: Problem) -> Problem:
    """Add the number of the layer (1 ... N), which is its index in the file plus one."""
    if problem.loc[:1] != ("layers",) or len(problem.loc) < 2 or problem.message.startswith("layer "):
        return problem
    index = problem.loc[1]
    number = index + 1 if isinstance(index, int) else index
    return Problem(problem.loc, f"{problem.message} (layer {number})", problem.of_key)
