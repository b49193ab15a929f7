"""The digests of tables repeat, do not depend on verification, and differ for different tables."""

from __future__ import annotations

from netsim import load, simulate
from tests.golden.table_digests import digest_lines, frame_digest, scenario_names, table_digests


def test_all_shipped_scenarios_are_listed() -> None:
    assert {"quickstart", "hier_qsgd", "papers/admm_mnist"} <= set(scenario_names())


def test_every_run_of_a_scenario_has_a_line_per_table() -> None:
    lines = list(digest_lines("quickstart", 1))
    assert any(" rounds " in line for line in lines)
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == len(lines)


def test_digests_repeat_and_depend_on_the_seed() -> None:
    first, verified, other = (
        table_digests(simulate(load("quickstart", overrides), engine="timing", verify=verify))
        for overrides, verify in (
            (["stop.rounds=1"], False),
            (["stop.rounds=1"], True),
            (["stop.rounds=1", "seed=9"], False),
        )
    )
    assert first == verified
    assert first["messages"] != other["messages"]


def test_a_changed_value_changes_the_digest() -> None:
    frame = simulate(load("quickstart", ["stop.rounds=1"]), engine="timing").rounds
    assert frame_digest(frame) == frame_digest(frame.copy())
    assert frame_digest(frame) != frame_digest(frame.assign(sim_time_s=frame["sim_time_s"] + 1e-12))
