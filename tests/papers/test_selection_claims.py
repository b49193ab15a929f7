"""The claims of scenarios/selection.yaml and scenarios/association.yaml, on one seed each."""

from __future__ import annotations

from netsim.scenario import load
from netsim.simulation.run import simulate


def seconds_to(accuracy: float, *overrides: str) -> float:
    """Simulated seconds until a run of scenarios/selection.yaml reaches an accuracy; NaN if never."""
    rounds = simulate(load("selection", ["sweep={}", "seed=1", *overrides]), device="cpu").rounds
    return float(rounds[rounds.accuracy >= accuracy].sim_time_s.min())


def test_fewer_devices_reach_an_accuracy_sooner_than_all() -> None:
    over = ("selection=[{uniform: 0.6}, all]", "wait=[{first: {count: 3}}, all]")
    all_devices, third, fastest, first = (
        seconds_to(0.85, *overrides)
        for overrides in ((), ("selection=[{uniform: 0.3}, all]",), ("selection=[{speed: 0.5}, all]",), over)
    )
    assert first < fastest < third < all_devices
    assert all_devices > 2 * third


def test_class_balanced_association_improves_the_first_round() -> None:
    methods = ("given", "class_balance")
    rounds = [
        simulate(
            load("association", ["sweep={}", f"association={method}", "stop.rounds=1"]), device="cpu"
        ).rounds
        for method in methods
    ]
    given, balanced = (float(one.accuracy.iloc[1]) for one in rounds)
    assert balanced > given + 0.15
    assert rounds[0].bits_up_1.iloc[1] == rounds[1].bits_up_1.iloc[1]
