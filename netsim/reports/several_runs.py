"""Runs beside one another that no sweep made: what differs in their scenarios becomes the axes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netsim.reports.settings import number_of
from netsim.results.result import Result
from netsim.results.run_folder import ResultError
from netsim.results.time_to_accuracy import common_target, time_to

if TYPE_CHECKING:
    from pandas import DataFrame

_MOST_AXES = 4  # more differences than this are not read: then the runs are told apart by name
_LONGEST = 40  # characters of a value
_ALGORITHM = "algorithm."


def table_of_runs(runs: Sequence[Result], target: float | None = None) -> tuple[DataFrame, list[str]]:
    """A points table (as `netsim.sweep.tables` writes it) of runs, and its axes: paths in which scenarios differ.

    Seeds are no axis. Where algorithms differ, `algorithm` is an axis of their names, and of what lies in them those
    paths alone in which runs of one algorithm differ. Where scenarios differ in many places, or a value is long, the
    axes are the scenario's `name`, the algorithm's if they differ, and if that is not enough `run` with the digest.
    `target`: the accuracy whose time is told;
    None for `common_target`'s.
    """
    import pandas as pd

    if len({run.digest for run in runs}) < len(runs):
        raise ResultError("a run is named twice; name each run folder once")
    differing, seeds = _differences([_scenario(run) for run in runs])
    differing = _by_recipe(runs, differing)
    long = any(len(str(value)) > _LONGEST for values in differing.values() for value in values)
    if long or len(differing) > _MOST_AXES:
        differing = _names(runs)
    aim = target if target is not None else common_target([run.rounds for run in runs])
    tables = []
    for k, run in _sorted(runs, differing, seeds):
        columns: dict[str, Any] = {"point": k}
        columns |= {path: [values[k]] * len(run.rounds) for path, values in differing.items()}
        tables.append(_told(run, columns | {"seed": seeds[k]}, aim))
    return pd.concat(tables, ignore_index=True), list(differing)


def _sorted(
    runs: Sequence[Result], differing: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> list[tuple[int, Result]]:
    """By rising values, so that the order of colours has a meaning; as named where values are words."""

    def key(pair: tuple[int, Result]) -> tuple[float, ...]:
        numbers = [number_of(values[pair[0]]) for values in differing.values()]
        return (*(0.0 if number is None else number for number in numbers), float(seeds[pair[0]]))

    return sorted(enumerate(runs), key=key)


def _told(run: Result, columns: Mapping[str, Any], target: float | None) -> DataFrame:
    import pandas as pd

    rounds = run.rounds
    layered = [name for name in rounds.columns if name.startswith("bits_")]
    kept = ["round", "sim_time_s", "accuracy", "loss", "local_steps", *layered]
    kept += [name for name in rounds.columns if name.startswith("energy_")]
    told = {**columns, **{name: rounds[name] for name in kept}, "bits": rounds[layered].sum(axis=1)}
    told["recipe"] = run.recipe
    told["target_accuracy"] = math.nan if target is None else target
    told["time_to_accuracy_s"] = time_to(rounds, target)
    return pd.DataFrame(told, index=rounds.index)


def _scenario(run: Result) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(run.scenario_text)
    except YAMLError as error:
        raise ResultError(f"run {run.digest}: its scenario.yaml is damaged ({error}); run it again") from None
    return dict(_leaves(document, "")) if isinstance(document, dict) else {}


def _leaves(value: object, path: str) -> Iterator[tuple[str, Any]]:
    """Every value with its path, as overrides spell it; lists of plain values stay whole."""
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
    """Paths whose values are not all equal, with the value of each run; the seeds apart."""
    paths = dict.fromkeys(path for scenario in scenarios for path in scenario)
    seeds = [int(scenario.get("seed", 0)) for scenario in scenarios]
    found: dict[str, list[Any]] = {}
    for path in paths:
        values = [scenario.get(path) for scenario in scenarios]
        if path not in ("seed", "name") and len(set(values)) > 1:
            found[path] = values
    return found, seeds


def _by_recipe(runs: Sequence[Result], differing: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The differences with the algorithms by name, where those differ: what a recipe writes out follows from it."""
    recipes = _recipes(runs)
    if not recipes:
        return dict(differing)
    found: dict[str, list[Any]] = dict(recipes)
    for path, values in differing.items():
        if not path.startswith(_ALGORITHM):
            found[path] = values
            continue
        seen: dict[str, set[Any]] = {}
        for recipe, value in zip(recipes["algorithm"], values, strict=True):
            seen.setdefault(recipe, set()).add(value)
        if any(len(own) > 1 for own in seen.values()):
            pairs = zip(recipes["algorithm"], values, strict=True)
            found[path] = [value if len(seen[recipe]) > 1 else None for recipe, value in pairs]
    return found


def _recipes(runs: Sequence[Result]) -> dict[str, list[Any]]:
    """The axis of the algorithms' names; none where a run did not record it or all have the same."""
    names = [run.recipe for run in runs]
    return {"algorithm": names} if None not in names and len(set(names)) > 1 else {}


def _names(runs: Sequence[Result]) -> dict[str, list[Any]]:
    names = [run.name for run in runs]
    recipes = _recipes(runs)
    if len(set(names)) == len(names):
        return {"name": names, **recipes}
    found = ({"name": names} if len(set(names)) > 1 or not recipes else {}) | recipes
    if len(set(zip(*found.values(), strict=True))) == len(runs):
        return found
    return {**found, "run": [run.digest[:6] for run in runs]}
