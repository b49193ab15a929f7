"""HierSignSGD against full precision, under sparse broadcasts, and against DC-HierSignSGD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from netsim.reports.palette import BLUE, GREEN, VERMILLION
from tests.papers.figure_files import COLOURS, dots, line, panels
from tests.papers.points import best, ends, markdown, over_seeds, pick, power, spread, tails
from tests.papers.sections import Section

METHODS = {
    "hier_favg": "full precision",
    "hier_sign_sgd": "HierSignSGD",
    "dc_hier_sign_sgd": "DC-HierSignSGD",
}
OWN_MODEL = "error feedback, cloud's own model"
METHOD_COLOURS = {"full precision": BLUE, "HierSignSGD": VERMILLION, "DC-HierSignSGD": GREEN}


def against_full(points: pd.DataFrame) -> Section:
    """Every method at every rate of its grid; accuracy at the best rates against the uplink bits of devices."""
    labelled = _named(points)
    labelled["Mbit"] = labelled["bits_up_1"] / 1e6
    by = ["case", "method", "rate"]
    stats = over_seeds(ends(labelled), by, "accuracy")
    stats["Mbit"] = over_seeds(ends(labelled), by, "Mbit")["mean"]
    best_rows = best(stats, ["case", "method"])
    rows = [_grid_row(*group) for group in stats.groupby(["case", "method"], sort=False)]
    cases = list(dict.fromkeys(stats["case"]))
    figure = panels(cases, ["device uplink, Mbit"] * len(cases), "test accuracy")
    figure.update_xaxes(type="log", dtick=1)
    for panel, case in enumerate(cases, start=1):
        for row in best_rows[best_rows["case"] == case].itertuples():
            line(
                figure,
                pick(labelled, row, by),
                "Mbit",
                "accuracy",
                row.method,
                METHOD_COLOURS[row.method],
                panel,
            )
    head = ("case", "method", "accuracy at the end, by learning rate (**best**)", "device uplink, Mbit")
    return Section(markdown(head, rows), figure, _gaps(best_rows))


def _grid_row(key: Sequence[object], rows: pd.DataFrame) -> tuple[object, ...]:
    """A method's accuracies over its grid in one line."""
    top = rows["mean"].max()
    cells = []
    for r in rows.itertuples():
        value = spread(r.mean, r.std)
        cells.append(f"{r.rate:g}: " + (f"**{value}**" if r.mean == top else value))
    return (*key, "; ".join(cells), f"{rows['Mbit'].iloc[0]:,.0f}")


def _gaps(best_rows: pd.DataFrame) -> str:
    texts = []
    for case, rows in best_rows.groupby("case", sort=False):
        full = rows[rows["method"] == "full precision"].iloc[0]
        for values in rows[rows["method"] != "full precision"].itertuples():
            gap, ratio = 100 * (values.mean - full["mean"]), full["Mbit"] / values.Mbit
            holds = "within 1 point" if gap >= -1 else "NOT within 1 point"
            texts.append(
                f"- {case}: {values.method} {gap:+.1f} points at 1/{ratio:.0f} of the device uplink bits, {holds}"
            )
    return "\n".join(texts)


def downlink(points: pd.DataFrame) -> Section:
    """The end for every fraction, with and without error feedback, at the better of the two rates."""
    base = "algorithm.hier_sign_sgd."
    labelled = points.copy()
    labelled["partition"] = [partition(value) for value in points["task.partition"]]
    labelled["rate"] = points[base + "learning_rate"].astype(float)
    cases = [
        _sparse(*cells) for cells in zip(points[base + "down"], points[base + "error_feedback"], strict=True)
    ]
    labelled["fraction"], labelled["memory"] = ([cell[k] for cell in cases] for k in (0, 1))
    by = ["partition", "fraction", "memory", "rate"]
    stats = over_seeds(ends(labelled), by, "accuracy")
    best_rows = best(stats, by[:3])
    order = {name: k for k, name in enumerate(("-", "error feedback", "none", OWN_MODEL))}
    best_rows = best_rows.sort_values("memory", key=lambda names: names.map(order), kind="stable")
    best_rows = best_rows.sort_values("partition", key=lambda kinds: kinds != "IID", kind="stable")
    rows = [
        (r.partition, f"{r.fraction:.0%}", r.memory, f"{r.rate:g}", spread(r.mean, r.std))
        for r in best_rows.itertuples()
    ]
    figure = panels(list(dict.fromkeys(stats["partition"])), ["global round"] * 2, "test accuracy")
    figure.update_yaxes(range=[0.4, 0.97])
    for panel, kind in enumerate(dict.fromkeys(stats["partition"]), start=1):
        for row in best_rows[best_rows["partition"] == kind].itertuples():
            colour = {1.0: BLUE, 0.1: GREEN, 0.01: VERMILLION}[row.fraction]
            memory_text = {"-": "", "none": ", the rest forgotten", OWN_MODEL: f", {OWN_MODEL}"}.get(
                row.memory, f", {row.memory}"
            )
            dash = {"none": "dot", OWN_MODEL: "dash"}.get(row.memory, "solid")
            line(
                figure,
                pick(labelled, row, by),
                "round",
                "accuracy",
                f"{row.fraction:.0%}{memory_text}",
                colour,
                panel,
                dash,
            )
    head = ("partition", "of the change sent down", "memory", "best rate", "accuracy at the end")
    return Section(markdown(head, rows), figure, _losses(best_rows))


def _sparse(down: Any, feedback: bool | None) -> tuple[float, str]:
    """(fraction of the coordinates that is transmitted, treatment of the others)."""
    if down in (None, "none"):
        return 1.0, "-"
    if "error_feedback" in down:
        return down["error_feedback"]["inner"]["top_k"]["fraction"], "error feedback"
    return down["top_k"]["fraction"], "none" if feedback is False else OWN_MODEL


def _losses(best_rows: pd.DataFrame) -> str:
    texts = []
    for kind, rows in best_rows.groupby("partition", sort=False):
        uncompressed = rows[rows["fraction"] == 1]["mean"].iloc[0]
        with_feedback = rows[rows["memory"] == "error feedback"]
        texts.append(
            f"{kind}: "
            + ", ".join(
                f"{r.fraction:.0%} {100 * (r.mean - uncompressed):+.1f} points"
                for r in with_feedback.itertuples()
            )
        )
    return "With error feedback, against 100 %: " + "; ".join(texts) + "."


def floor(points: pd.DataFrame) -> Section:
    """Accuracy and loss at the end for every rate; curves at the best rates."""
    labelled = _named(points)
    by = ["method", "rate"]
    stats, losses = (over_seeds(ends(labelled), by, metric) for metric in ("accuracy", "loss"))
    rows = [
        (a.method, f"{a.rate:g}", spread(a.mean, a.std), spread(b.mean, b.std, 3))
        for a, b in zip(stats.itertuples(), losses.itertuples(), strict=True)
    ]
    figure = panels(("loss", "accuracy"), ["global round"] * 2, "", shared=False)
    figure.update_yaxes(type="log", col=1)
    lowest = best(losses, ["method"], least=True)
    for row in lowest.itertuples():
        for panel, metric in enumerate(("loss", "accuracy"), start=1):
            line(
                figure,
                pick(labelled, row, by),
                "round",
                metric,
                row.method,
                METHOD_COLOURS[row.method],
                panel,
            )
    least = lowest.set_index("method")["mean"]
    texts = ", ".join(f"{method} {value:.3f}" for method, value in least.items())
    head = ("method", "learning rate", "accuracy at the end", "loss at the end")
    return Section(markdown(head, rows), figure, f"Least loss over the grid: {texts}.")


def floor_quadratic(points: pd.DataFrame) -> Section:
    """The mean of F(w) - F* over the last quarter of each run, against the step size."""
    labelled = points.copy()
    labelled["method"] = [_levelled(value) for value in points["algorithm"]]
    labelled["rate"] = [_arguments(value)["learning_rate"] for value in points["algorithm"]]
    labelled["inside"] = points["task.dataset.synthetic.heterogeneity"].astype(float)
    stats = over_seeds(tails(labelled, "loss", 0.25), ["inside", "method", "rate"], "loss")
    table = stats.pivot_table(index=["inside", "method"], columns="rate", values=["mean", "std"], sort=False)
    rates = sorted(set(stats["rate"]), reverse=True)
    rows = [
        ("alike" if key[0] == 0 else "unlike", key[1], *(power(row["mean", r], row["std", r]) for r in rates))
        for key, row in table.iterrows()
    ]
    figure = panels(("devices of an edge server alike", "unlike"), ["step mu"] * 2, "F(w) - F* at the end")
    figure.update_xaxes(type="log", tickvals=rates)
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    for panel, heterogeneity in enumerate((0.0, 3.0), start=1):
        for colour, method in zip(COLOURS[1:], dict.fromkeys(stats["method"]), strict=False):
            subset = stats[(stats["inside"] == heterogeneity) & (stats["method"] == method)]
            dots(figure, subset, "rate", method, colour, panel, joined=True)
    head = ("devices of an edge server", "method", *(f"mu = {r:g}" for r in rates))
    return Section(markdown(head, rows), figure, _falls(stats, rates))


def _falls(stats: pd.DataFrame, rates: list[float]) -> str:
    texts = []
    for (heterogeneity, method), rows in stats.groupby(["inside", "method"], sort=False):
        values = rows.set_index("rate")["mean"]
        kind = "alike" if heterogeneity == 0 else "unlike"
        texts.append(f"- {method}, devices {kind}: {values[rates[0]] / values[rates[-1]]:.2g}")
    head = f"F(w) - F* at mu = {rates[0]:g} over that at {rates[-1]:g}:"
    return "\n".join([head, "", *texts])


def partition(value: Any) -> str:
    """IID, or Dirichlet and its alpha."""
    return "IID" if value in (None, "iid") else f"Dirichlet {value['dirichlet']['alpha']:g}"


def _arguments(algorithm: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = next(iter(algorithm.values()))
    return arguments


def _levelled(algorithm: dict[str, Any]) -> str:
    name = METHODS[next(iter(algorithm))]
    if name != "DC-HierSignSGD":
        return name
    return f"{name}, anchors of {'devices' if _arguments(algorithm).get('level') == 1 else 'edge servers'}"


def _named(points: pd.DataFrame) -> pd.DataFrame:
    labelled = points.copy()
    labelled["method"] = [METHODS[next(iter(value))] for value in points["algorithm"]]
    labelled["rate"] = [_arguments(value)["learning_rate"] for value in points["algorithm"]]
    if "task.partition" in points:
        batches = [_arguments(value)["batch_size"] for value in points["algorithm"]]
        stats = [f", batch {batch}" if len(set(batches)) > 1 else "" for batch in batches]
        labelled["case"] = [
            partition(p) + batch for p, batch in zip(points["task.partition"], stats, strict=True)
        ]
    return labelled
