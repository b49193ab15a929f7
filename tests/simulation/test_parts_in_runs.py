"""Compressors and rules in runs: equal results for every stack size and on the eager engine."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from torch import Tensor

from learning.aggregation.robust import Median, TrimmedMean
from netsim.scenario import Scenario
from netsim.simulation.run import execute

from .runs import final, scenario

UPS = {
    "dither": "{dither: {levels: 4, bucket: 64}}",
    "terngrad": "{terngrad: {clip: 2.5, code: packed}}",
    "natural": "natural",
    "scaled_sign": "{scaled_sign: {bucket: 32}}",
    "stochastic_sign": "{stochastic_sign: {norm: l2, bucket: 16}}",
    "entropy": "{qsgd: {levels: 4, bucket: 64, code: entropy}}",
    "ternary": "{chain: {first: {top_k: 0.1}, then: scaled_sign, positions: golomb}}",
    "seeded": "{chain: {first: {rand_k: 0.5}, then: {qsgd: 16}}}",
}
RULES = {
    "median": "median",
    "trimmed": "{trimmed_mean: 0.34}",
    "weighed": "{vote: {step: 0.01, weights: samples}}",
}
FIXED_SIZE = [name for name in [*UPS, *RULES] if name not in ("entropy", "ternary")]


def run_of(name: str, *, fanout: Sequence[int] = (2, 3), **more: object) -> Scenario:
    """Two layers with the named part on layer 1."""
    up, rule = UPS.get(name, "none"), RULES.get(name, "mean")
    rate, tau = ("0.01", 1) if name == "weighed" else ("0.2", 3)
    up = "sign" if name == "weighed" else up
    layers = f"[{{tau: {tau}, up: {up}, rule: {rule}}}, {{tau: 2, up: none, rule: mean}}]"
    leaf = f"leaf: {{learning_rate: {rate}, batch_size: 8}}"
    return scenario(list(fanout), f"{{{leaf}, layers: {layers}}}", rounds=2, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*UPS, *RULES])
def test_the_stack_size_does_not_change_the_final_model(name: str) -> None:
    scene = run_of(name)
    expected = final(scene)
    assert np.isfinite(expected).all()
    for rows in (1, 2):
        assert np.array_equal(final(scene, memory_bytes=rows * 16 * expected.size), expected)


@pytest.mark.parametrize("name", [n for n in [*UPS, *RULES] if n != "ternary"])
def test_the_eager_engine_gives_the_same_final_model(name: str) -> None:
    """Without top_k: pixels that are always 0 have equal gradients, so rounding errors decide between them."""
    scene = run_of(name, precision="float64")
    assert np.allclose(final(scene, engine="eager"), final(scene), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", FIXED_SIZE)
def test_the_timing_engine_gives_the_same_bits(name: str) -> None:
    timed, trained = execute(run_of(name), engine="timing"), execute(run_of(name), device="cpu")
    assert timed.trace.totals == trained.trace.totals
    assert timed.trace.rounds[-1]["sim_time_s"] == trained.trace.rounds[-1]["sim_time_s"]


@pytest.mark.parametrize("name", ["median", "trimmed"])
@pytest.mark.parametrize("memory_bytes", [None, 1])
def test_at_most_the_rows_of_one_node_are_stored(
    name: str, memory_bytes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight edge servers with three devices each; a chunk of rows may include rows of the next node."""
    rule, largest = (Median if name == "median" else TrimmedMean), 0
    states: weakref.WeakSet[StoredRows] = weakref.WeakSet()

    class StoredRows(list[Tensor]):
        def extend(self, rows: Iterable[Tensor]) -> None:
            nonlocal largest
            super().extend(rows)
            largest = max(largest, sum(map(len, states)))

        __hash__ = object.__hash__  # type: ignore[assignment]

    def begin(self: object, like: Tensor) -> StoredRows:
        states.add(state := StoredRows())
        return state

    monkeypatch.setattr(rule, "begin", begin)
    final(run_of(name, fanout=[8, 3]), memory_bytes=memory_bytes)
    assert largest == 3


def test_vote_weights_change_the_final_model() -> None:
    unweighted = run_of("weighed").model_dump(mode="json")
    unweighted["algorithm"]["layers"][0]["rule"]["vote"]["weights"] = None
    assert not np.array_equal(final(run_of("weighed")), final(Scenario.model_validate(unweighted)))
