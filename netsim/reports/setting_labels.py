"""Swept values in few words: a part by its name, with those arguments alone in which it differs from its namesakes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from netsim.reports import formatting

AS_WRITTEN = "as written"
"""What a point says of a path that it leaves as the scenario has it."""


def spoken(values: Sequence[object]) -> list[str]:
    """A column of swept values in words, equal where values are equal and different where they differ.

    Parts and lists come as the JSON that a points table holds. A part is its name (`hier_sgd`), followed by the
    arguments that differ between the parts of that name (`qsgd (levels 4, code fixed)`); the items of lists of
    one length are named place by place (`[fraction, buffer]`).
    """
    read = [_read(value) for value in values]
    texts = _column(read)
    told = dict(zip(map(_key, read), texts, strict=True))
    return texts if len(set(texts)) == len(told) else [_whole(value) for value in read]


def by_name(values: Sequence[object]) -> bool:
    """Whether the names of parts stand among the values, which then need no word before them."""
    return any(isinstance(_read(value), Mapping) and _part(_read(value)) is not None for value in values)


def _column(values: Sequence[object]) -> list[str]:
    found: list[str] = [""] * len(values)
    for places in _alike(values):
        for place, text in zip(places, _namesakes([values[k] for k in places]), strict=True):
            found[place] = text
    return found


def _alike(values: Sequence[object]) -> list[list[int]]:
    """The places of values that are told from one another by what is in them: parts of a name, lists, mappings."""
    kinds: dict[object, list[int]] = {}
    for place, value in enumerate(values):
        part = _part(value)
        kind: object = ("part", part[0]) if part else _shape(value)
        kinds.setdefault(kind, []).append(place)
    return list(kinds.values())


def _shape(value: object) -> object:
    if isinstance(value, list):
        return "list", len(value)
    return "mapping" if isinstance(value, Mapping) else ("plain", _key(value))


def _namesakes(values: Sequence[object]) -> list[str]:
    """Words for values of one kind."""
    parts = [part for value in values if (part := _part(value))]
    if parts and all(isinstance(given, Mapping) or given is None for _, given in parts):
        return _parts(parts[0][0], [given if isinstance(given, Mapping) else {} for _, given in parts])
    if parts:
        return _with(parts[0][0], [given for _, given in parts])
    if all(isinstance(value, list) for value in values):
        return _lists([value for value in values if isinstance(value, list)])
    if all(isinstance(value, Mapping) for value in values):
        return [", ".join(words) or AS_WRITTEN for words in _differing([dict(_mapping(v)) for v in values])]
    return [_whole(value) for value in values]


def _with(name: str, given: Sequence[object]) -> list[str]:
    """A part with one argument that needs no name: `top_k 0.1`."""
    if _same(given):
        return [name] * len(given)
    return [
        name if value is None else f"{name} {text}" for value, text in zip(given, _column(given), strict=True)
    ]


def _parts(name: str, given: Sequence[Mapping[str, object]]) -> list[str]:
    keys = {key for one in given for key in one}
    if len(keys) == 1:  # the only argument there is: its name says nothing
        (key,) = keys
        return _with(name, [one.get(key) for one in given])
    told = []
    for words in _differing(given):
        said = ", ".join(words)
        told.append(f"{name} ({said})" if len(words) > 1 else f"{name} {said}".rstrip())
    return told


def _differing(given: Sequence[Mapping[str, object]]) -> list[list[str]]:
    """For each mapping `key value` of the keys whose values are not the same in all; an absent one says nothing."""
    words: list[list[str]] = [[] for _ in given]
    for key in dict.fromkeys(key for one in given for key in one):
        values = [one.get(key) for one in given]
        if _same(values):
            continue
        for place, text in enumerate(_column(values)):
            if key in given[place]:
                words[place].append(f"{key} {text}")
    return words


def _lists(values: Sequence[list[object]]) -> list[str]:
    columns = [_column(place) for place in zip(*values, strict=True)]
    return (
        [f"[{', '.join(items)}]" for items in zip(*columns, strict=True)] if columns else ["[]"] * len(values)
    )


def _part(value: object) -> tuple[str, object] | None:
    """Name and arguments of `{name: arguments}` or a bare name; None for anything else."""
    if isinstance(value, str):
        return (value, None) if value.isidentifier() else None
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, given),) = value.items()
        return str(name), given
    return None


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _same(values: Sequence[object]) -> bool:
    return len({_key(value) for value in values}) == 1


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _read(value: object) -> object:
    """A cell of a points table: its JSON read, nothing for NaN."""
    if value is None or value != value:
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            read: object = json.loads(value)
        except ValueError:
            return value
        return read
    return value


def _whole(value: object) -> str:
    """All of a value, as a scenario writes it."""
    if value is None:
        return AS_WRITTEN
    if isinstance(value, float):
        return formatting.digits(value, 6)
    return (
        json.dumps(value, default=str).replace('"', "") if isinstance(value, list | Mapping) else str(value)
    )
