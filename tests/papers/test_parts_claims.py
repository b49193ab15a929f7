"""The claims of the scenarios about compressors, rules and data, as inequalities."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from netsim.scenario import load
from netsim.simulation.run import simulate

CODES = {
    code: f"algorithm.layers[0].up={{qsgd: {{levels: 8, code: {code}}}}}"
    for code in ("fixed", "elias", "entropy")
}


@cache
def rounds(name: str, *overrides: str) -> pd.DataFrame:
    return simulate(load(name, overrides), device="cpu").rounds


def reached(table: pd.DataFrame, accuracy: float) -> pd.Series:
    """The first row with at least the given accuracy."""
    return table[table["accuracy"] >= accuracy].iloc[0]


def test_the_median_is_robust_to_label_flips_unlike_the_mean() -> None:
    mean = rounds("liars", "algorithm.layers[0].rule=mean")["accuracy"].iloc[-1]
    assert rounds("liars")["accuracy"].iloc[-1] >= mean + 0.1


def test_few_label_flipping_devices_make_no_difference() -> None:
    few = "task.shifts[0].label_flip.fraction=0.1"
    rules = ("mean", "median", "{trimmed_mean: 0.3}")
    ends = [rounds("liars", few, f"algorithm.layers[0].rule={rule}")["accuracy"].iloc[-1] for rule in rules]
    assert max(ends) - min(ends) < 0.02


def test_a_code_changes_sizes_and_times_but_not_the_model() -> None:
    tables = {code: rounds("codecs", override) for code, override in CODES.items()}
    for column in ("accuracy", "loss", "local_steps"):
        assert np.array_equal(tables["fixed"][column], tables["entropy"][column])
        assert np.array_equal(tables["fixed"][column], tables["elias"][column])
    times = [reached(tables[code], 0.9)["sim_time_s"] for code in ("entropy", "elias", "fixed")]
    assert times[0] < 0.95 * times[1] < 0.5 * times[2]


def test_uncompressed_floats_take_more_than_ten_times_as_long() -> None:
    floats = rounds("codecs", "algorithm.layers[0].up=none", "stop.rounds=6")
    coded = rounds("codecs", CODES["entropy"])
    assert reached(floats, 0.9)["sim_time_s"] > 10 * reached(coded, 0.9)["sim_time_s"]


@pytest.mark.parametrize(
    ("alpha", "expected"), [("[null, null]", 2), ("[0.1, null]", 3), ("[null, 0.1]", 7), ("[0.1, 0.1]", 12)]
)
def test_the_regimes_need_the_documented_rounds(alpha: str, expected: int) -> None:
    round_number = reached(rounds("regimes", f"task.partition.by_layer.alpha={alpha}"), 0.9)["round"]
    assert abs(round_number - expected) <= max(1, expected // 6)


@pytest.mark.slow
def test_decreasing_tau_during_training_gives_a_lower_loss_than_any_fixed_tau() -> None:
    """`scenarios/adaptive.yaml`, in the mean over seeds 1 to 3."""
    tau = "algorithm.hier_local_qsgd.tau="
    fixed_taus = [f"{tau}{fixed}" for fixed in ("[50, 2]", "[20, 2]", "[10, 2]")]
    ends = [
        np.mean([rounds("adaptive", f"seed={s}", *overrides)["loss"].iloc[-1] for s in (1, 2, 3)])
        for overrides in ([], *([k] for k in fixed_taus))
    ]
    assert ends[0] == pytest.approx(0.0987, abs=0.001)
    assert ends[0] < min(ends[1:])
