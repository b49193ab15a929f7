"""QMLHFL: depth, effect of the quantizer of each layer, the condition on the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from netsim.reports.palette import BLUE, GREEN, ORANGE, VERMILLION
from tests.papers.figure_files import dots, line, panels
from tests.papers.points import best, ends, markdown, over_seeds, pick, power, spread, tails
from tests.papers.sections import Section


def depths(points: pd.DataFrame) -> Section:
    """Accuracy at the end by depth and rate; curves at the best rate against rounds and against simulated time with two cloud links."""
    labelled = points.copy()
    labelled["layers"] = [len(tau) for tau in points["algorithm.qmlhfl.tau"]]
    labelled["rate"] = points["algorithm.qmlhfl.learning_rate"].astype(float)
    labelled["cloud"] = [f"cloud at {wires[-1]['wired']['rate']}" for wires in points["network"]]
    first_cloud, second_cloud = dict.fromkeys(labelled["cloud"])
    by = ["layers", "rate"]
    last = ends(labelled)
    stats = over_seeds(last[last["cloud"] == first_cloud], by, "accuracy")
    clock = over_seeds(last, ["layers", "cloud"], "sim_time_s").set_index(["layers", "cloud"])["mean"]
    best_rows = best(stats, ["layers"])
    rates = sorted(set(stats["rate"]))
    table = stats.set_index(by)
    rows = [
        (n, *(spread(*table.loc[(n, rate), ["mean", "std"]]) for rate in rates), *(f"{clock[n, c]:.1f} s" for c in (first_cloud, second_cloud)))
        for n in sorted(set(stats["layers"]))
    ]  # fmt: skip
    figure = panels(
        ("against rounds", first_cloud, second_cloud),
        ["global round", "simulated time, s", "simulated time, s"],
        "test accuracy",
    )
    figure.update_yaxes(range=[0.6, 0.95])
    for row in best_rows.itertuples():
        subset, colour = pick(labelled, row, by), {2: BLUE, 3: VERMILLION, 4: GREEN}[row.layers]
        for panel, (x, cloud) in enumerate(
            (("round", first_cloud), ("sim_time_s", first_cloud), ("sim_time_s", second_cloud)), start=1
        ):
            line(
                figure, subset[subset["cloud"] == cloud], x, "accuracy", f"{row.layers} layers", colour, panel
            )
    head = (
        "layers",
        *(f"accuracy at rate {rate:g}" for rate in rates),
        f"time, {first_cloud}",
        f"time, {second_cloud}",
    )
    ordered = ", ".join(f"{r.layers} layers {spread(r.mean, r.std)}" for r in best_rows.itertuples())
    return Section(markdown(head, rows), figure, f"At each depth's best rate: {ordered}.")


def levels(points: pd.DataFrame) -> Section:
    """Accuracy at the end for each pair of levels and rate; at the better rates the differences, seed by seed."""
    labelled = points.copy()
    labelled["levels"] = [
        ", ".join("none" if s is None else str(s) for s in pair) for pair in points["algorithm.qmlhfl.levels"]
    ]
    labelled["rate"] = points["algorithm.qmlhfl.learning_rate"].astype(float)
    labelled["Mbit"] = labelled["bits_up_1"] / 1e6
    by, last = ["levels", "rate"], ends(labelled)
    stats = over_seeds(last, by, "accuracy")
    bits = over_seeds(last, ["levels"], "Mbit").set_index("levels")["mean"]
    table, rates = stats.set_index(by), sorted(set(stats["rate"]))
    accuracies = {
        row.levels: pick(last, row, by).set_index("seed")["accuracy"]
        for row in best(stats, ["levels"]).itertuples()
    }
    differences = {kind: 100 * (values - accuracies["none, none"]) for kind, values in accuracies.items()}
    rows = [
        (
            kind,
            *(spread(*table.loc[(kind, rate), ["mean", "std"]]) for rate in rates),
            format_difference(differences[kind]),
            f"{bits[kind]:,.0f}",
        )
        for kind in accuracies
    ]
    figure = panels(
        ["seed by seed, at the better learning rates"],
        ["levels s_1, s_2"],
        "points against no quantizer",
    )
    figure.update_layout(showlegend=False)
    in_legend = pd.DataFrame(
        [(kind, d.mean(), d.std()) for kind, d in differences.items()], columns=["levels", "mean", "std"]
    )
    dots(figure, in_legend, "levels", "accuracy", BLUE, 1)
    pairs = (("4, 8", "8, 8"), ("8, 4", "8, 8"), ("8, 4", "4, 8"), ("none, 1", "1, none"))
    texts = "; ".join(
        f"({a}) against ({b}): {format_difference(100 * (accuracies[a] - accuracies[b]))}" for a, b in pairs
    )
    head = (
        "s_1, s_2",
        *(f"accuracy at rate {rate:g}" for rate in rates),
        "points against no quantizer",
        "device uplink, Mbit",
    )
    return Section(markdown(head, rows), figure, f"Points of accuracy, seed by seed: {texts}.")


def format_difference(differences: pd.Series) -> str:
    """Mean and standard deviation of differences in points."""
    return f"{differences.mean():+.1f} ± {differences.std():.1f}"


def one_link(points: pd.DataFrame) -> Section:
    """F(w) - F* over the last half of each run with the quantizer on one layer alone."""
    labelled = points.copy()
    labelled["case"] = [
        "unlike edge servers" if h > 0 else "gradient noise"
        for h in points["task.dataset.synthetic.edge_heterogeneity"].astype(float)
    ]
    labelled["layer"] = [_only(row) for row in points[uplinks(points)].to_dict("records")]
    stats = over_seeds(tails(labelled, "loss", 0.5), ["case", "layer"], "loss")
    table = stats.set_index(["case", "layer"])
    cases, places = list(dict.fromkeys(stats["case"])), list(dict.fromkeys(stats["layer"]))
    rows = [
        (place, *(power(*table.loc[(case, place), ["mean", "std"]]) for case in cases)) for place in places
    ]
    figure = panels(cases, ["layer with q = 7"] * 2, "F(w) - F* at the end")
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    figure.update_layout(showlegend=False)
    for panel, case in enumerate(cases, start=1):
        dots(figure, stats[stats["case"] == case], "layer", case, BLUE, panel)
    orders = [
        " < ".join(sorted(places, key=lambda place: float(table.loc[(case, place), "mean"])))
        for case in cases
    ]
    texts = "; ".join(f"{case}: {order}" for case, order in zip(cases, orders, strict=True))
    return Section(markdown(("q = 7 on", *cases), rows), figure, f"From the least harm to the most: {texts}.")


def threshold(points: pd.DataFrame) -> Section:
    """The rate from which the loss grows, by interpolation, over mu_max, for each tau and q."""
    stats = over_seeds(_growth(points), ["q", "tau", "rate"], "growth")
    kinds = sorted(set(stats["q"]))
    figure = panels([f"q = {q:g}" for q in kinds], ["mu / mu_max"] * 3, "log10 of the loss's growth")
    figure.update_xaxes(type="log")
    figure.update_yaxes(range=[-12, 12])
    rows = []
    for panel, q in enumerate(kinds, start=1):
        for colour, tau in zip((BLUE, VERMILLION, GREEN, ORANGE), dict.fromkeys(stats["tau"]), strict=True):
            subset = stats[(stats["q"] == q) & (stats["tau"] == tau)].sort_values("rate")
            mu_max = largest_rate([int(t) for t in tau.split(",")], q)
            dots(
                figure,
                subset.assign(x=subset["rate"] / mu_max),
                "x",
                f"tau = {tau}",
                colour,
                panel,
                joined=True,
            )
            threshold_rate = crossing(subset["rate"].to_numpy(), subset["mean"].to_numpy())
            below, above = (
                subset[subset["rate"] < threshold_rate]["rate"].max(),
                subset[subset["rate"] >= threshold_rate]["rate"].min(),
            )
            rows.append(
                (
                    f"{q:g}",
                    tau,
                    f"{mu_max:.4f}",
                    f"{below:g} to {above:g}",
                    f"{threshold_rate:.3g}",
                    f"{threshold_rate / mu_max:.2f}",
                )
            )
        figure.add_vline(x=1, line={"color": "#868E96", "dash": "dash"}, row=1, col=panel)
    ratios = [float(row[5]) for row in rows if row[0] == "15"]
    rates_without_quantizer = [float(row[4]) for row in rows if row[0] == "0"]
    texts = (
        f"q = 15: divergence from {min(ratios):.2f} to {max(ratios):.2f} mu_max on; "
        f"q = 0: from mu L = {min(rates_without_quantizer):.2f} to {max(rates_without_quantizer):.2f} on, whatever mu_max is."
    )
    head = (
        "q on both layers",
        "tau",
        "mu_max",
        "diverges between mu =",
        "interpolated",
        "over mu_max",
    )
    return Section(markdown(head, rows), figure, texts)


def _growth(points: pd.DataFrame) -> pd.DataFrame:
    """A row per point: rate, tau, q and `growth`, log10 of the last loss over the first, limited to +-12."""
    labelled = points.copy()
    labelled["rate"] = points["algorithm.leaf.learning_rate"].astype(float)
    taus = zip(points["algorithm.layers[0].tau"], points["algorithm.layers[1].tau"], strict=True)
    labelled["tau"] = [f"{a:g}, {b:g}" for a, b in taus]
    labelled["q"] = [_variance(up) for up in points["algorithm.layers[0].up"]]
    rounds = labelled.groupby("point")["round"]
    first, last = (
        labelled.loc[threshold_rate].set_index("point")
        for threshold_rate in (rounds.idxmin(), rounds.idxmax())
    )
    last["growth"] = np.log10((last["loss"] / first["loss"]).clip(1e-12, 1e12))
    last.loc[last["round"] == 0, "growth"] = 12.0  # later losses are not finite
    return last


def crossing(rates: Sequence[float] | np.ndarray, growth: Sequence[float] | np.ndarray) -> float:
    """The rate at which the growth of the loss becomes positive, linear in log(rate) between the last rate whose
    loss falls and the next; inf if it never grows."""
    decreasing = [k for k, value in enumerate(growth) if value < 0]
    last = decreasing[-1] if decreasing else -1
    if last + 1 >= len(rates):
        return math.inf
    if last < 0:
        return float(rates[0])
    share = -growth[last] / (growth[last + 1] - growth[last])
    return float(rates[last] * (rates[last + 1] / rates[last]) ** share)


def largest_rate(tau: Sequence[int], q: float) -> float:
    """mu_max for L = 1 on the scenario's tree: the largest mu for which some choice of constants has c_G > 0."""
    from netsim.bounds.bound import theorem1
    from netsim.bounds.free_constants import THEOREM_1
    from netsim.bounds.problem import LearningConstants, Problem, TreeConstants
    from netsim.topology import Fanout

    topology = Fanout([2, 4]).grow()
    tree = TreeConstants.of(topology, [1.0] * len(topology.devices))
    problem = Problem(LearningConstants(1.0, 0.0, (0.0, 0.0), 1.0), tree, (q, q), (0.0, 0.0))
    rates = np.geomspace(1e-4, 2.0, 40_000)
    constants = np.array(THEOREM_1).T[:, :, None]
    terms = theorem1(
        problem, rates[None, :], [np.float64(t) for t in tau], (constants[0], constants[1], constants[2])
    )
    feasible = (np.asarray(terms.contraction) > 0).any(axis=0)
    return float(rates[feasible].max())


def uplinks(points: pd.DataFrame) -> list[str]:
    """The swept columns that set uplink compressors, from layer 1 up."""
    return sorted(column for column in points if str(column).endswith(".up"))


def _only(ups: Mapping[str, Any]) -> str:
    used = [n for n, codec in enumerate(ups.values(), start=1) if codec not in (None, "none")]
    return f"layer {used[0]}" if used else "no layer"


def _variance(up: Any) -> float:
    return 0.0 if up in (None, "none") else 1 / up["rand_k"]["fraction"] - 1
