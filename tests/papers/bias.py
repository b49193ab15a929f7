"""Which layer tolerates bias: compressors without memory, with error feedback and as EF21, on one layer at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from netsim.reports.palette import BLUE, GREEN, GREY, VERMILLION
from tests.papers.figure_files import dots, panels
from tests.papers.layers import uplinks
from tests.papers.points import best, ends, markdown, over_seeds, power, spread, tails
from tests.papers.sections import Section

MEMORIES = ("none", "error feedback", "EF21")


def accuracies(points: pd.DataFrame) -> Section:
    """Accuracy at the end, each at its best learning rate."""
    return _section(points, "accuracy")


def losses(points: pd.DataFrame) -> Section:
    """F(w) - F* over the last quarter of the rounds."""
    return _section(points, "loss")


def _section(points: pd.DataFrame, metric: str) -> Section:
    """Each memory and compressor on each layer alone: the end (accuracy, at the best rate) or the tail of the loss."""
    labelled = points.copy()
    ups = uplinks(points)
    cases = [_compressed_layer(row) for row in points[ups].to_dict("records")]
    for k, column in enumerate(("compressor", "memory", "layer")):
        labelled[column] = [place[k] for place in cases]
    by = ["compressor", "memory", "layer"]
    has_rates = "algorithm.leaf.learning_rate" in points
    labelled["rate"] = points["algorithm.leaf.learning_rate"].astype(float) if has_rates else 0.0
    rows = ends(labelled) if metric == "accuracy" else tails(labelled, metric, 0.25)
    stats = best(over_seeds(rows, [*by, "rate"], metric), by, least=metric == "loss")
    format_value = spread if metric == "accuracy" else power
    table = stats.set_index(by)
    layers = sorted(set(stats["layer"]) - {0})
    lines = [("none", "-", *[format_value(*table.loc[("none", "-", 0), ["mean", "std"]])] * len(layers))]
    codecs = [one for one in dict.fromkeys(stats["compressor"]) if one != "none"]
    for codec in codecs:
        lines += [
            (codec, memory, *(format_value(*table.loc[(codec, memory, n), ["mean", "std"]]) for n in layers))
            for memory in MEMORIES
        ]
    y = "test accuracy" if metric == "accuracy" else "F(w) - F* at the end"
    figure = panels(codecs, ["compressed layer"] * len(codecs), y)
    if metric == "loss":
        figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    figure.update_xaxes(tickvals=layers, range=[layers[0] - 0.2, layers[-1] + 0.2])
    exact = float(table.loc[("none", "-", 0), "mean"])
    for panel, codec in enumerate(codecs, start=1):
        for colour, memory in zip((VERMILLION, BLUE, GREEN), MEMORIES, strict=True):
            subset = stats[(stats["compressor"] == codec) & (stats["memory"] == memory)]
            dots(
                figure, subset, "layer", {"none": "no memory"}.get(memory, memory), colour, panel, joined=True
            )
        level = {"y": [exact] * 2, "mode": "lines", "line": {"color": GREY, "dash": "dash"}}
        ends_at = [layers[0] - 0.2, layers[-1] + 0.2]
        figure.add_scatter(x=ends_at, name="uncompressed", showlegend=panel == 1, row=1, col=panel, **level)
    head = ("compressor", "memory", *(f"on layer {n} alone" for n in layers))
    return Section(
        markdown(head, lines),
        figure,
        f"Uncompressed: {format_value(exact, table.loc[('none', '-', 0), 'std'])}.",
    )


def _compressed_layer(ups: Mapping[str, Any]) -> tuple[str, str, int]:
    """(compressor, memory, layer) of the one layer that is compressed."""
    for n, codec in enumerate(ups.values(), start=1):
        if codec in (None, "none"):
            continue
        memory = "none"
        if isinstance(codec, dict) and next(iter(codec)) in ("error_feedback", "ef21"):
            memory = {"error_feedback": "error feedback", "ef21": "EF21"}[next(iter(codec))]
            codec = next(iter(codec.values()))["inner"]
        if isinstance(codec, dict):
            return f"top_k, {codec['top_k']['fraction']:.0%}", memory, n
        return str(codec), memory, n
    return "none", "-", 0
