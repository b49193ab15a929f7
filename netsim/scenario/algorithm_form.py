"""The algorithm of a scenario: a recipe by name, its taus given or adaptive, or the ladder layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.recipes import Recipe
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe, AdaptiveRecipeForm
from netsim.scenario.dataclass_schema import Reads, Record, arguments_of, blame
from netsim.scenario.errors import Problem, problems_of, refusal, shown
from netsim.scenario.parts import PartOf

LADDER_KEYS = ("leaf", "layers")


class AlgorithmForm(Reads):
    """Annotated metadata: `{qmlhfl: {...}}`, or `{leaf: {...}, layers: [{tau, up, rule, down}, ...]}`."""

    def __init__(self, recipes: PartOf) -> None:
        super().__init__(self)
        self.recipes, self.ladder = recipes, Record(Algorithm, recipes.records)
        self.adapted = AdaptiveRecipeForm(recipes)

    def build(self, value: object) -> Recipe | Algorithm:
        """A recipe or the ladder itself; either way its laws have been checked."""
        if isinstance(value, Algorithm | AdaptiveRecipe):
            return value
        if isinstance(value, Mapping) and any(key in value for key in LADDER_KEYS):
            return self._written_out(value)
        recipe: Any = self.adapted.build(value) if self.adapted.means(value) else self.recipes.build(value)
        try:
            recipe.ladder()
        except (ValueError, TypeError, ArithmeticError) as error:
            plain = recipe.recipe if isinstance(recipe, AdaptiveRecipe) else recipe
            problem = blame(error, [field.name for field in arguments_of(type(plain))])
            name = next(iter(value)) if isinstance(value, Mapping) else None
            raise refusal([problem.below(name) if name else Problem((), problem.message)], value) from None
        return recipe  # type: ignore[no-any-return]

    def dump(self, value: Recipe | Algorithm) -> object:
        """In the form it was written in."""
        if isinstance(value, AdaptiveRecipe):
            return self.adapted.dump(value)
        return self.ladder.dump(value) if isinstance(value, Algorithm) else self.recipes.dump(value)

    def schema(self) -> dict[str, Any]:
        """A recipe, one that adapts, or a ladder."""
        return {"anyOf": [self.recipes.schema(), self.adapted.schema(), self.ladder.schema()]}

    def _written_out(self, value: Mapping[str, object]) -> Algorithm:
        layers = value.get("layers")
        if "layers" in value and not isinstance(layers, list | tuple):
            said = f"must be a list with one entry per layer, from the devices up, got {shown(layers)}"
            raise refusal([Problem(("layers",), said)], value)
        try:
            return self.ladder.build(value)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise refusal([_numbered(problem) for problem in problems_of(error)], value) from None


def _numbered(problem: Problem) -> Problem:
    """Says the layer's number beside its index in the file, which is one less."""
    if problem.loc[:1] != ("layers",) or len(problem.loc) < 2 or problem.message.startswith("layer "):
        return problem
    index = problem.loc[1]
    number = index + 1 if isinstance(index, int) else index
    return Problem(problem.loc, f"{problem.message} (layer {number})", problem.of_key)
