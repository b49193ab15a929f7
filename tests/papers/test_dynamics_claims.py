"""The claims in the headers of the scenarios with faults and mobility, on shortened runs."""

from __future__ import annotations

import pytest

from netsim.scenario import load
from netsim.simulation.run import execute, simulate

STATIC = "mobility.handover=home"
WAITING = "faults[0].server_failure.reattach=null"


def test_handover_halves_the_time_and_detaches_no_device() -> None:
    runs = [execute(load("handover", ["stop.rounds=20", *more]), engine="timing") for more in ([], [STATIC])]
    assert 2 * runs[0].env.now < runs[1].env.now
    assert "detach" not in {row["kind"] for row in runs[0].trace.events}


def test_reattachment_improves_accuracy_by_more_than_ten_points() -> None:
    short = ["stop.deadline=6 s", "evaluate.every=100"]
    last = [
        simulate(load("edge_failure", [*short, *overrides]), device="cpu").last("accuracy")
        for overrides in ([], [WAITING])
    ]
    assert last[0] is not None
    assert last[1] is not None
    assert last[0].value > last[1].value + 0.1


@pytest.mark.slow
def test_dropping_the_slowest_fifth_saves_a_third_of_the_time() -> None:
    waits = {"all": "wait=[all, all]", "most": "wait=[{fraction: 0.8}, all]"}
    ends_s = {
        name: sum(
            execute(load("stragglers", [wait, f"seed={seed}"]), device="cpu").env.now for seed in (1, 2, 3)
        )
        for name, wait in waits.items()
    }
    assert ends_s["most"] < 2 / 3 * ends_s["all"]
