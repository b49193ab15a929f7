"""ADMM on the tree against QMLHFL at equal uplink bits."""

from __future__ import annotations

from typing import Any

import pandas as pd

from netsim.reports.palette import BLUE, GREEN, VERMILLION
from tests.papers.figure_files import line, panels
from tests.papers.points import best, ends, markdown, over_seeds, pick, spread
from tests.papers.sections import Section
from tests.papers.signs import partition


def equal_bits(points: pd.DataFrame) -> Section:
    """Every method at every rate; the best rates' accuracy against the bits of all layers, both ways."""
    named = points.copy()
    named["method"] = [_method(*next(iter(value.items()))) for value in points["algorithm"]]
    named["rate"] = [next(iter(value.values()))["learning_rate"] for value in points["algorithm"]]
    named["partition"] = [partition(value) for value in points["task.partition"]]
    for column in ("bits", "bits_up_1", "bits_down_1"):
        named[column] = named[column] / 1e6
    by, last = ["partition", "method", "rate"], ends(named)
    told = over_seeds(last, by, "accuracy")
    chosen, table, rates = best(told, by[:2]), told.set_index(by), sorted(set(told["rate"]))
    sizes = last.groupby("method", sort=False)[["bits_up_1", "bits_down_1"]].mean()
    rows = [
        (
            row.partition,
            row.method,
            *(spread(*table.loc[(row.partition, row.method, rate), ["mean", "std"]]) for rate in rates),
            *(f"{sizes.loc[row.method, column]:,.0f}" for column in sizes),
        )
        for row in chosen.itertuples()
    ]
    kinds = list(dict.fromkeys(told["partition"]))
    figure = panels(kinds, ["bits of all layers, both ways, Mbit"] * 2, "test accuracy")
    figure.update_yaxes(range=[0.8, 0.93])
    for panel, kind in enumerate(kinds, start=1):
        some = chosen[chosen["partition"] == kind]
        for colour, row in zip((BLUE, GREEN, VERMILLION), some.itertuples(), strict=True):
            line(figure, pick(named, row, by), "bits", "accuracy", row.method, colour, panel)
    head = (
        "partition",
        "method",
        *(f"accuracy at rate {rate:g}" for rate in rates),
        "layer 1 up, Mbit",
        "down",
    )
    return Section(markdown(head, rows), figure, _apart(pick_last(last, chosen, by)))


def pick_last(last: pd.DataFrame, chosen: pd.DataFrame, by: list[str]) -> dict[tuple[str, str], pd.Series]:
    """Accuracy by seed of every (partition, method) at its best rate."""
    return {
        (row.partition, row.method): pick(last, row, by).set_index("seed")["accuracy"]
        for row in chosen.itertuples()
    }


def _apart(own: dict[tuple[str, str], pd.Series]) -> str:
    said = []
    for (kind, method), values in own.items():
        if method != "QMLHFL":
            gap = 100 * (values - own[kind, "QMLHFL"])
            said.append(f"{kind}: {method} {gap.mean():+.1f} ± {gap.std():.1f}")
    return f"Points against QMLHFL, seed by seed: {'; '.join(said)}."


def _method(name: str, arguments: dict[str, Any]) -> str:
    return "QMLHFL" if name == "qmlhfl" else f"ADMM, rho = {arguments['rho'][0]:g}"
