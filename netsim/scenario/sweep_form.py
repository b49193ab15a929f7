"""The section `sweep` of a scenario file: its forms, and problems of invalid ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netsim.scenario.errors import Loc, Problem, format_value, suggestion, validation_error
from netsim.scenario.sweep import FORMS, MAX_POINTS, Sweep


class SweepForm:
    """Reads and writes a sweep: `{path: [values]}` is a grid; or `grid:`, `zip:`, `list:` and `seeds:`."""

    def build(self, value: object) -> Sweep:
        """Return the sweep. Raises pydantic's ValidationError for an invalid form (paths are checked later)."""
        if isinstance(value, Sweep):
            return value
        if not isinstance(value, Mapping):
            raise validation_error(
                [Problem((), f"must be a mapping (key: value), got {format_value(value)}")], value
            )
        problems = list(_form_problems(value))
        if problems:
            raise validation_error(problems, value)
        bare = {path: tuple(values) for path, values in value.items() if path not in FORMS}
        grid = {path: tuple(values) for path, values in (value.get("grid") or {}).items()}
        zipped = {path: tuple(values) for path, values in (value.get("zip") or {}).items()}
        sets = tuple(dict(entry) for entry in value.get("list") or ())
        seeds = value.get("seeds")
        made = Sweep(
            {**bare, **grid}, zipped, sets, tuple(seeds) if isinstance(seeds, list | tuple) else seeds
        )
        if made.count > MAX_POINTS:
            raise validation_error(
                [Problem((), f"has {made.count:,} points, at most {MAX_POINTS:,} are run")], value
            )
        return made

    def dump(self, value: Sweep) -> object:
        """Return a grid alone as the mapping of its paths, other sweeps form by form."""
        grid = {path: list(values) for path, values in value.grid.items()}
        forms: dict[str, Any] = {
            "grid": grid,
            "zip": {path: list(values) for path, values in value.zip.items()},
            "list": [dict(entry) for entry in value.sets],
        }
        seeds = list(value.seeds) if isinstance(value.seeds, tuple) else value.seeds
        used = {key: content for key, content in forms.items() if content}
        if seeds is not None:
            used["seeds"] = seeds
        return grid if set(used) <= {"grid"} else used

    def schema(self) -> dict[str, Any]:
        """Return the schema: paths with lists of values, and the four forms."""
        values = {"type": "array", "minItems": 1}
        axes = {"type": "object", "additionalProperties": values}
        entry = {"type": "object", "minProperties": 1}
        seed = {"type": "integer", "minimum": 0}
        return {
            "type": "object",
            "description": "The points of `netsim sweep`: the product of grid, zip, list and seeds.",
            "properties": {
                "grid": {**axes, "description": "every combination of the paths' values"},
                "zip": {**axes, "description": "the paths' values side by side; lists of one length"},
                "list": {
                    "type": "array",
                    "minItems": 1,
                    "items": entry,
                    "description": "whole sets of overrides",
                },
                "seeds": {
                    "description": "repeats: so many seeds from the scenario's on, or the seeds themselves",
                    "anyOf": [
                        {"type": "integer", "minimum": 1},
                        {"type": "array", "minItems": 1, "items": seed},
                    ],
                },
            },
            "additionalProperties": values,
        }


def _form_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield problems of the form of a sweep."""
    found = [
        *_list_problems({key: item for key, item in value.items() if key not in FORMS}, ()),
        *_axes_problems(value, "grid"),
        *_axes_problems(value, "zip"),
        *_set_problems(value),
        *_seed_problems(value),
    ]
    yield from found
    if not found:
        yield from _length_problems(value.get("zip") or {})
        yield from _duplicate_problems(value)


def _axes_problems(value: Mapping[str, Any], form: str) -> Iterator[Problem]:
    axes = value.get(form, {})
    if not isinstance(axes, Mapping):
        yield Problem((form,), f"must be a mapping of paths to lists, got {format_value(axes)}")
    else:
        yield from _list_problems(axes, (form,))


def _list_problems(axes: Mapping[str, Any], at: Loc) -> Iterator[Problem]:
    for path, values in axes.items():
        if isinstance(values, Mapping) and not at:
            yield Problem((path,), f"must be a list of values{suggestion(path, FORMS)}", of_key=True)
        elif not isinstance(values, list | tuple):
            remedy = f"; write [{values}]" if isinstance(values, int | float | str) else ""
            yield Problem((*at, path), f"must be a list, got {format_value(values)}{remedy}")
        elif not values:
            yield Problem((*at, path), "must have at least 1 entries, got 0")


def _set_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    if "list" not in value:
        return
    entries = value["list"]
    if not isinstance(entries, list | tuple) or not entries:
        yield Problem(
            ("list",), f"must be a list of at least one {{path: value}}, got {format_value(entries)}"
        )
        return
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not entry:
            yield Problem(("list", index), f"must be a mapping of paths to values, got {format_value(entry)}")


def _seed_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    if "seeds" not in value:
        return
    seeds = value["seeds"]
    if isinstance(seeds, list | tuple):
        yield from _seed_list_problems(seeds)
    elif not isinstance(seeds, int) or isinstance(seeds, bool):
        yield Problem(("seeds",), f"must be how many seeds, or a list of seeds, got {format_value(seeds)}")
    elif seeds < 1:
        yield Problem(("seeds",), f"must be >= 1, got {seeds}; leave it out to keep the scenario's seed")


def _seed_list_problems(seeds: Sequence[Any]) -> Iterator[Problem]:
    if not seeds:
        yield Problem(("seeds",), "must have at least 1 entries, got 0")
    for index, seed in enumerate(seeds):
        if not isinstance(seed, int) or isinstance(seed, bool):
            yield Problem(("seeds", index), f"must be an integer, got {format_value(seed)}")
        elif seed in seeds[:index]:
            yield Problem(("seeds", index), f"seed {seed} is there already; repeats need seeds of their own")


def _length_problems(zipped: Mapping[str, Sequence[Any]]) -> Iterator[Problem]:
    first = next(iter(zipped), "")
    for path, values in zipped.items():
        if len(values) != len(zipped[first]):
            yield Problem(
                ("zip", path),
                f"has {_values(len(values))}, but '{first}' has {len(zipped[first])}; a zip combines the "
                "entries of its lists in order, so they must be equally long (or write a grid)",
            )


def _duplicate_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield problems of paths that two forms set."""
    places: list[Loc] = [(path,) for path in value if path not in FORMS]
    places += [(form, path) for form in ("grid", "zip") for path in value.get(form) or {}]
    places += [("list", k, path) for k, entry in enumerate(value.get("list") or ()) for path in entry]
    first: dict[str, Loc] = {}
    for loc in places:
        path = str(loc[-1])
        known = first.setdefault(path, loc)
        if known is not loc and not (known[0] == loc[0] == "list" and len(loc) == 3):
            yield Problem(loc, f"'{path}' is swept twice; keep one of the two", of_key=True)
    if "seeds" in value and "seed" in first:
        yield Problem(("seeds",), "'seed' is swept too; keep one of the two", of_key=True)


def _values(count: int) -> str:
    return f"{count} {'value' if count == 1 else 'values'}"
