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
    """Every method at every rate; accuracy at the best rates against the bits of all layers and directions."""
    labelled = points.copy()
    labelled["method"] = [_method(*next(iter(value.items()))) for value in points["algorithm"]]
    labelled["rate"] = [next(iter(value.values()))["learning_rate"] for value in points["algorithm"]]
    labelled["partition"] = [partition(value) for value in points["task.partition"]]
    for column in ("bits", "bits_up_1", "bits_down_1"):
        labelled[column] = labelled[column] / 1e6
    by, last = ["partition", "method", "rate"], ends(labelled)
    stats = over_seeds(last, by, "accuracy")
    best_rows, table, rates = best(stats, by[:2]), stats.set_index(by), sorted(set(stats["rate"]))
    sizes = last.groupby("method", sort=False)[["bits_up_1", "bits_down_1"]].mean()
    rows = [
        (
            row.partition,
            row.method,
            *(spread(*table.loc[(row.partition, row.method, rate), ["mean", "std"]]) for rate in rates),
            *(f"{sizes.loc[row.method, column]:,.0f}" for column in sizes),
        )
        for row in best_rows.itertuples()
    ]
    kinds = list(dict.fromkeys(stats["partition"]))
    figure = panels(kinds, ["bits of all layers, both ways, Mbit"] * 2, "test accuracy")
    figure.update_yaxes(range=[0.8, 0.93])
    for panel, kind in enumerate(kinds, start=1):
        subset = best_rows[best_rows["partition"] == kind]
        for colour, row in zip((BLUE, GREEN, VERMILLION), subset.itertuples(), strict=True):
            line(figure, pick(labelled, row, by), "bits", "accuracy", row.method, colour, panel)
    head = (
        "partition",
        "method",
        *(f"accuracy at rate {rate:g}" for rate in rates),
        "layer 1 up, Mbit",
        "down",
    )
    return Section(markdown(head, rows), figure, _differences_text(final_accuracies(last, best_rows, by)))


def final_accuracies(
    last: pd.DataFrame, best_rows: pd.DataFrame, by: list[str]
) -> dict[tuple[str, str], pd.Series]:
    """Accuracy by seed of every (partition, method) at its best rate."""
    return {
        (row.partition, row.method): pick(last, row, by).set_index("seed")["accuracy"]
        for row in best_rows.itertuples()
    }


def _differences_text(accuracies: dict[tuple[str, str], pd.Series]) -> str:
    texts = []
    for (kind, method), values in accuracies.items():
        if method != "QMLHFL":
            gap = 100 * (values - accuracies[kind, "QMLHFL"])
            texts.append(f"{kind}: {method} {gap.mean():+.1f} ± {gap.std():.1f}")
    return f"Points against QMLHFL, seed by seed: {'; '.join(texts)}."


def _method(name: str, arguments: dict[str, Any]) -> str:
    return "QMLHFL" if name == "qmlhfl" else f"ADMM, rho = {arguments['rho'][0]:g}"
