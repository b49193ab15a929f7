"""Comparison of individual runs: the differences between their scenarios become the axes of a points table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netsim.reports.settings import parse_number
from netsim.results.result import Result
from netsim.results.run_folder import ResultError
from netsim.results.time_to_accuracy import common_target, time_to

if TYPE_CHECKING:
    from pandas import DataFrame

_MAX_AXES = 4  # with more differences the runs are distinguished by name
_MAX_VALUE_LENGTH = 40
_ALGORITHM = "algorithm."


def table_of_runs(runs: Sequence[Result], target: float | None = None) -> tuple[DataFrame, list[str]]:
    """Build a points table (see `netsim.sweep.tables`) of runs; its axes are the paths in which the scenarios differ.

    The seed is not an axis. If the algorithms differ, `algorithm` is an axis of their names, and paths below it are
    axes only if runs of one algorithm differ in them. If the scenarios differ in more than four paths, or a value is
    longer than 40 characters, the axes are `name` (of the scenario), `algorithm`, and if necessary `run` (digest).

    Args:
        runs: the results to compare, at least one.
        target: the accuracy of the column `time_to_accuracy_s`; None for `common_target` of the runs.

    Returns: the table and its axes. Raises ResultError for a run that is given twice, or a damaged scenario.
    """
    import pandas as pd

    if len({run.digest for run in runs}) < len(runs):
        raise ResultError("a run is named twice; name each run folder once")
    differing, seeds = _differences([_scenario(run) for run in runs])
    differing = _by_recipe(runs, differing)
    long = any(len(str(value)) > _MAX_VALUE_LENGTH for values in differing.values() for value in values)
    if long or len(differing) > _MAX_AXES:
        differing = _names(runs)
    level = target if target is not None else common_target([run.rounds for run in runs])
    tables = []
    for k, run in _sorted(runs, differing, seeds):
        columns: dict[str, Any] = {"point": k}
        columns |= {path: [values[k]] * len(run.rounds) for path, values in differing.items()}
        tables.append(_points_of(run, columns | {"seed": seeds[k]}, level))
    return pd.concat(tables, ignore_index=True), list(differing)


def _sorted(
    runs: Sequence[Result], differing: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> list[tuple[int, Result]]:
    """Runs by increasing numeric values, so that colours are ordered; in the given order for text values."""

    def key(pair: tuple[int, Result]) -> tuple[float, ...]:
        numbers = [parse_number(values[pair[0]]) for values in differing.values()]
        return (*(0.0 if number is None else number for number in numbers), float(seeds[pair[0]]))

    return sorted(enumerate(runs), key=key)


def _points_of(run: Result, columns: Mapping[str, Any], target: float | None) -> DataFrame:
    import pandas as pd

    rounds = run.rounds
    layered = [name for name in rounds.columns if name.startswith("bits_")]
    columns_of_run = ["round", "sim_time_s", "accuracy", "loss", "local_steps", *layered]
    columns_of_run += [name for name in rounds.columns if name.startswith("energy_")]
    table = {
        **columns,
        **{name: rounds[name] for name in columns_of_run},
        "bits": rounds[layered].sum(axis=1),
    }
    table["recipe"] = run.recipe
    table["target_accuracy"] = math.nan if target is None else target
    table["time_to_accuracy_s"] = time_to(rounds, target)
    return pd.DataFrame(table, index=rounds.index)


def _scenario(run: Result) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(run.scenario_text)
    except YAMLError as error:
        raise ResultError(f"run {run.digest}: its scenario.yaml is damaged ({error}); run it again") from None
    return dict(_leaves(document, "")) if isinstance(document, dict) else {}


def _leaves(value: object, path: str) -> Iterator[tuple[str, Any]]:
    """Every value with its path in the notation of overrides; lists of plain values are single values."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for k, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{k}]")
    else:
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        yield path, value if plain else json.dumps(value, default=str)


def _differences(scenarios: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Any]], list[int]]:
    """The paths whose values differ with the value of each run, and the seeds."""
    paths = dict.fromkeys(path for scenario in scenarios for path in scenario)
    seeds = [int(scenario.get("seed", 0)) for scenario in scenarios]
    differences: dict[str, list[Any]] = {}
    for path in paths:
        values = [scenario.get(path) for scenario in scenarios]
        if path not in ("seed", "name") and len(set(values)) > 1:
            differences[path] = values
    return differences, seeds


def _by_recipe(runs: Sequence[Result], differing: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Replace the differences within algorithms by the algorithms' names if these differ.

    Paths in which runs of one algorithm differ are kept.
    """
    recipes = _recipes(runs)
    if not recipes:
        return dict(differing)
    differences: dict[str, list[Any]] = dict(recipes)
    for path, values in differing.items():
        if not path.startswith(_ALGORITHM):
            differences[path] = values
            continue
        values_of: dict[str, set[Any]] = {}
        for recipe, value in zip(recipes["algorithm"], values, strict=True):
            values_of.setdefault(recipe, set()).add(value)
        if any(len(own) > 1 for own in values_of.values()):
            pairs = zip(recipes["algorithm"], values, strict=True)
            differences[path] = [value if len(values_of[recipe]) > 1 else None for recipe, value in pairs]
    return differences


def _recipes(runs: Sequence[Result]) -> dict[str, list[Any]]:
    """The axis of the algorithms' names; empty if a run has no record of it or all are equal."""
    names = [run.recipe for run in runs]
    return {"algorithm": names} if None not in names and len(set(names)) > 1 else {}


def _names(runs: Sequence[Result]) -> dict[str, list[Any]]:
    names = [run.name for run in runs]
    recipes = _recipes(runs)
    if len(set(names)) == len(names):
        return {"name": names, **recipes}
    differences = ({"name": names} if len(set(names)) > 1 or not recipes else {}) | recipes
    if len(set(zip(*differences.values(), strict=True))) == len(runs):
        return differences
    return {**differences, "run": [run.digest[:6] for run in runs]}
