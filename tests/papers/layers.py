"""QMLHFL: depth, which layer's quantizer matters, the condition on the learning rate."""

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
    """Accuracy at the end by depth and rate; the best rate's curves against rounds and against two clocks."""
    named = points.copy()
    named["layers"] = [len(tau) for tau in points["algorithm.qmlhfl.tau"]]
    named["rate"] = points["algorithm.qmlhfl.learning_rate"].astype(float)
    named["cloud"] = [f"cloud at {wires[-1]['wired']['rate']}" for wires in points["network"]]
    near, far = dict.fromkeys(named["cloud"])
    by = ["layers", "rate"]
    last = ends(named)
    told = over_seeds(last[last["cloud"] == near], by, "accuracy")
    clock = over_seeds(last, ["layers", "cloud"], "sim_time_s").set_index(["layers", "cloud"])["mean"]
    chosen = best(told, ["layers"])
    rates = sorted(set(told["rate"]))
    table = told.set_index(by)
    rows = [
        (n, *(spread(*table.loc[(n, rate), ["mean", "std"]]) for rate in rates), *(f"{clock[n, c]:.1f} s" for c in (near, far)))
        for n in sorted(set(told["layers"]))
    ]  # fmt: skip
    figure = panels(
        ("against rounds", near, far),
        ["global round", "simulated time, s", "simulated time, s"],
        "test accuracy",
    )
    figure.update_yaxes(range=[0.6, 0.95])
    for row in chosen.itertuples():
        some, colour = pick(named, row, by), {2: BLUE, 3: VERMILLION, 4: GREEN}[row.layers]
        for panel, (x, cloud) in enumerate(
            (("round", near), ("sim_time_s", near), ("sim_time_s", far)), start=1
        ):
            line(figure, some[some["cloud"] == cloud], x, "accuracy", f"{row.layers} layers", colour, panel)
    head = ("layers", *(f"accuracy at rate {rate:g}" for rate in rates), f"time, {near}", f"time, {far}")
    ordered = ", ".join(f"{r.layers} layers {spread(r.mean, r.std)}" for r in chosen.itertuples())
    return Section(markdown(head, rows), figure, f"At each depth's best rate: {ordered}.")


def levels(points: pd.DataFrame) -> Section:
    """Accuracy at the end for each pair of levels and rate; at the better rates the differences, seed by seed."""
    named = points.copy()
    named["levels"] = [
        ", ".join("none" if s is None else str(s) for s in pair) for pair in points["algorithm.qmlhfl.levels"]
    ]
    named["rate"] = points["algorithm.qmlhfl.learning_rate"].astype(float)
    named["Mbit"] = named["bits_up_1"] / 1e6
    by, last = ["levels", "rate"], ends(named)
    told = over_seeds(last, by, "accuracy")
    bits = over_seeds(last, ["levels"], "Mbit").set_index("levels")["mean"]
    table, rates = told.set_index(by), sorted(set(told["rate"]))
    own = {
        row.levels: pick(last, row, by).set_index("seed")["accuracy"]
        for row in best(told, ["levels"]).itertuples()
    }
    apart = {kind: 100 * (values - own["none, none"]) for kind, values in own.items()}
    rows = [
        (
            kind,
            *(spread(*table.loc[(kind, rate), ["mean", "std"]]) for rate in rates),
            points_apart(apart[kind]),
            f"{bits[kind]:,.0f}",
        )
        for kind in own
    ]
    figure = panels(
        ["seed by seed, at the better learning rates"],
        ["levels s_1, s_2"],
        "points against no quantizer",
    )
    figure.update_layout(showlegend=False)
    shown = pd.DataFrame(
        [(kind, d.mean(), d.std()) for kind, d in apart.items()], columns=["levels", "mean", "std"]
    )
    dots(figure, shown, "levels", "accuracy", BLUE, 1)
    pairs = (("4, 8", "8, 8"), ("8, 4", "8, 8"), ("8, 4", "4, 8"), ("none, 1", "1, none"))
    said = "; ".join(f"({a}) against ({b}): {points_apart(100 * (own[a] - own[b]))}" for a, b in pairs)
    head = (
        "s_1, s_2",
        *(f"accuracy at rate {rate:g}" for rate in rates),
        "points against no quantizer",
        "device uplink, Mbit",
    )
    return Section(markdown(head, rows), figure, f"Points of accuracy, seed by seed: {said}.")


def points_apart(differences: pd.Series) -> str:
    """Mean and standard deviation of differences in points."""
    return f"{differences.mean():+.1f} ± {differences.std():.1f}"


def one_link(points: pd.DataFrame) -> Section:
    """F(w) - F* over the last half of each run with the quantizer on one layer alone."""
    named = points.copy()
    named["case"] = [
        "unlike edge servers" if h > 0 else "gradient noise"
        for h in points["task.dataset.synthetic.edge_heterogeneity"].astype(float)
    ]
    named["layer"] = [_only(row) for row in points[uplinks(points)].to_dict("records")]
    told = over_seeds(tails(named, "loss", 0.5), ["case", "layer"], "loss")
    table = told.set_index(["case", "layer"])
    cases, places = list(dict.fromkeys(told["case"])), list(dict.fromkeys(told["layer"]))
    rows = [
        (place, *(power(*table.loc[(case, place), ["mean", "std"]]) for case in cases)) for place in places
    ]
    figure = panels(cases, ["layer with q = 7"] * 2, "F(w) - F* at the end")
    figure.update_yaxes(type="log", dtick=1, exponentformat="power")
    figure.update_layout(showlegend=False)
    for panel, case in enumerate(cases, start=1):
        dots(figure, told[told["case"] == case], "layer", case, BLUE, panel)
    orders = [
        " < ".join(sorted(places, key=lambda place: float(table.loc[(case, place), "mean"])))
        for case in cases
    ]
    said = "; ".join(f"{case}: {order}" for case, order in zip(cases, orders, strict=True))
    return Section(markdown(("q = 7 on", *cases), rows), figure, f"From the least harm to the most: {said}.")


def threshold(points: pd.DataFrame) -> Section:
    """The rate from which the loss grows, by interpolation, over mu_max, for each tau and q."""
    told = over_seeds(_growth(points), ["q", "tau", "rate"], "growth")
    kinds = sorted(set(told["q"]))
    figure = panels([f"q = {q:g}" for q in kinds], ["mu / mu_max"] * 3, "log10 of the loss's growth")
    figure.update_xaxes(type="log")
    figure.update_yaxes(range=[-12, 12])
    rows = []
    for panel, q in enumerate(kinds, start=1):
        for colour, tau in zip((BLUE, VERMILLION, GREEN, ORANGE), dict.fromkeys(told["tau"]), strict=True):
            some = told[(told["q"] == q) & (told["tau"] == tau)].sort_values("rate")
            most = largest_rate([int(t) for t in tau.split(",")], q)
            dots(figure, some.assign(x=some["rate"] / most), "x", f"tau = {tau}", colour, panel, joined=True)
            at = crossing(some["rate"].to_numpy(), some["mean"].to_numpy())
            below, above = some[some["rate"] < at]["rate"].max(), some[some["rate"] >= at]["rate"].min()
            rows.append(
                (f"{q:g}", tau, f"{most:.4f}", f"{below:g} to {above:g}", f"{at:.3g}", f"{at / most:.2f}")
            )
        figure.add_vline(x=1, line={"color": "#868E96", "dash": "dash"}, row=1, col=panel)
    worst = [float(row[5]) for row in rows if row[0] == "15"]
    never = [float(row[4]) for row in rows if row[0] == "0"]
    said = (
        f"q = 15: divergence from {min(worst):.2f} to {max(worst):.2f} mu_max on; "
        f"q = 0: from mu L = {min(never):.2f} to {max(never):.2f} on, whatever mu_max is."
    )
    head = ("q on both layers", "tau", "mu_max", "diverges between mu =", "interpolated", "over mu_max")
    return Section(markdown(head, rows), figure, said)


def _growth(points: pd.DataFrame) -> pd.DataFrame:
    """A row per point: rate, tau, q and `growth`, log10 of the last loss over the first, held to +-12."""
    named = points.copy()
    named["rate"] = points["algorithm.leaf.learning_rate"].astype(float)
    taus = zip(points["algorithm.layers[0].tau"], points["algorithm.layers[1].tau"], strict=True)
    named["tau"] = [f"{a:g}, {b:g}" for a, b in taus]
    named["q"] = [_variance(up) for up in points["algorithm.layers[0].up"]]
    rounds = named.groupby("point")["round"]
    first, last = (named.loc[at].set_index("point") for at in (rounds.idxmin(), rounds.idxmax()))
    last["growth"] = np.log10((last["loss"] / first["loss"]).clip(1e-12, 1e12))
    last.loc[last["round"] == 0, "growth"] = 12.0  # later losses are no numbers any more
    return last


def crossing(rates: Sequence[float] | np.ndarray, growth: Sequence[float] | np.ndarray) -> float:
    """The rate at which the growth of the loss becomes positive, linear in log(rate) between the last rate whose
    loss falls and the next; inf where it never grows."""
    falls = [k for k, value in enumerate(growth) if value < 0]
    last = falls[-1] if falls else -1
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
    free = np.array(THEOREM_1).T[:, :, None]
    terms = theorem1(problem, rates[None, :], [np.float64(t) for t in tau], (free[0], free[1], free[2]))
    good = (np.asarray(terms.contraction) > 0).any(axis=0)
    return float(rates[good].max())


def uplinks(points: pd.DataFrame) -> list[str]:
    """The swept columns that set an uplink's compressor, from layer 1 up."""
    return sorted(column for column in points if str(column).endswith(".up"))


def _only(ups: Mapping[str, Any]) -> str:
    used = [n for n, codec in enumerate(ups.values(), start=1) if codec not in (None, "none")]
    return f"layer {used[0]}" if used else "no layer"


def _variance(up: Any) -> float:
    return 0.0 if up in (None, "none") else 1 / up["rand_k"]["fraction"] - 1
