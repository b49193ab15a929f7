"""Short labels of swept values: a part by its name and the arguments in which parts of that name differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from netsim.reports import formatting

UNCHANGED = "as written"
"""Label of a point that leaves a path as the scenario file has it."""


def label_values(values: Sequence[object]) -> list[str]:
    """Labels of a column of swept values: equal values have equal labels, different ones different labels.

    Parts and lists are given as JSON, as in a points table. A part is labelled by its name (`hier_sgd`), followed by
    the arguments that differ between the parts of that name (`qsgd (levels 4, code fixed)`); the items of lists of
    equal length are labelled position by position (`[fraction, buffer]`).
    """
    parsed = [_parse(value) for value in values]
    labels = _label_column(parsed)
    by_value = dict(zip(map(_key, parsed), labels, strict=True))
    return labels if len(set(labels)) == len(by_value) else [_full_label(value) for value in parsed]


def has_part_names(values: Sequence[object]) -> bool:
    """Whether parts with arguments are among the values, so that their labels need no key in front."""
    return any(
        isinstance(_parse(value), Mapping) and _split_part(_parse(value)) is not None for value in values
    )


def _label_column(values: Sequence[object]) -> list[str]:
    labels: list[str] = [""] * len(values)
    for indices in _group_by_kind(values):
        for index, label in zip(indices, _label_kind([values[k] for k in indices]), strict=True):
            labels[index] = label
    return labels


def _group_by_kind(values: Sequence[object]) -> list[list[int]]:
    """Indices of values whose contents are compared: parts of one name, lists of one length, mappings."""
    kinds: dict[object, list[int]] = {}
    for index, value in enumerate(values):
        part = _split_part(value)
        kind: object = ("part", part[0]) if part else _kind(value)
        kinds.setdefault(kind, []).append(index)
    return list(kinds.values())


def _kind(value: object) -> object:
    if isinstance(value, list):
        return "list", len(value)
    return "mapping" if isinstance(value, Mapping) else ("plain", _key(value))


def _label_kind(values: Sequence[object]) -> list[str]:
    """Labels of values of one kind."""
    parts = [part for value in values if (part := _split_part(value))]
    if parts and all(isinstance(arguments, Mapping) or arguments is None for _, arguments in parts):
        return _label_parts(parts[0][0], [args if isinstance(args, Mapping) else {} for _, args in parts])
    if parts:
        return _label_single_argument(parts[0][0], [arguments for _, arguments in parts])
    if all(isinstance(value, list) for value in values):
        return _label_lists([value for value in values if isinstance(value, list)])
    if all(isinstance(value, Mapping) for value in values):
        differences = _differences([dict(_mapping(value)) for value in values])
        return [", ".join(texts) or UNCHANGED for texts in differences]
    return [_full_label(value) for value in values]


def _label_single_argument(name: str, arguments: Sequence[object]) -> list[str]:
    """A part with one argument, whose key is omitted: `top_k 0.1`."""
    if _are_equal(arguments):
        return [name] * len(arguments)
    return [
        name if value is None else f"{name} {label}"
        for value, label in zip(arguments, _label_column(arguments), strict=True)
    ]


def _label_parts(name: str, arguments: Sequence[Mapping[str, object]]) -> list[str]:
    keys = {key for one in arguments for key in one}
    if len(keys) == 1:  # the key of the only argument carries no information
        (key,) = keys
        return _label_single_argument(name, [one.get(key) for one in arguments])
    labels = []
    for texts in _differences(arguments):
        joined = ", ".join(texts)
        labels.append(f"{name} ({joined})" if len(texts) > 1 else f"{name} {joined}".rstrip())
    return labels


def _differences(mappings: Sequence[Mapping[str, object]]) -> list[list[str]]:
    """For each mapping the texts `key value` of the keys whose values differ between mappings."""
    texts: list[list[str]] = [[] for _ in mappings]
    for key in dict.fromkeys(key for one in mappings for key in one):
        values = [one.get(key) for one in mappings]
        if _are_equal(values):
            continue
        for index, label in enumerate(_label_column(values)):
            if key in mappings[index]:
                texts[index].append(f"{key} {label}")
    return texts


def _label_lists(values: Sequence[list[object]]) -> list[str]:
    columns = [_label_column(items) for items in zip(*values, strict=True)]
    return (
        [f"[{', '.join(items)}]" for items in zip(*columns, strict=True)] if columns else ["[]"] * len(values)
    )


def _split_part(value: object) -> tuple[str, object] | None:
    """Name and arguments of `{name: arguments}` or of a bare name; None for anything else."""
    if isinstance(value, str):
        return (value, None) if value.isidentifier() else None
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, arguments),) = value.items()
        return str(name), arguments
    return None


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, Mapping)
    return value


def _are_equal(values: Sequence[object]) -> bool:
    return len({_key(value) for value in values}) == 1


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _parse(value: object) -> object:
    """A cell of a points table: JSON text is parsed, NaN becomes None."""
    if value is None or value != value:
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            parsed: object = json.loads(value)
        except ValueError:
            return value
        return parsed
    return value


def _full_label(value: object) -> str:
    """The complete value, as in a scenario file."""
    if value is None:
        return UNCHANGED
    if isinstance(value, float):
        return formatting.number(value, 6)
    return (
        json.dumps(value, default=str).replace('"', "") if isinstance(value, list | Mapping) else str(value)
    )
