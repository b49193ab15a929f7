"""Every field of a scenario's sections outside `network` changes the tables of a run.

Parts by themselves: test_dead_*.py here, tests/devices/test_compute.py and tests/energy/test_energy.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from pydantic import BaseModel

from netsim.devices.compute import COMPUTE, Servers
from netsim.energy.consumption import COMPUTE_ENERGY, Energy, Station, Terminal
from netsim.scenario import Scenario, digest
from netsim.scenario.schema import Devices, Evaluate, Stop, TaskSection
from netsim.simulation.run import Run, execute
from tests.network.sample_scenarios import Data, run_timing

KAPPA = {"compute": {"kappa": {"kappa": 1e-28}}}
POWER = {"compute": {"active_power": {"power": "2 W"}}}
TIMED: Data = {
    "name": "tiny",
    "seed": 3,
    "task": {"dataset": {"synthetic": {"dim": 40, "samples": 8}}},
    "topology": {"fanout": [2, 3]},
    "devices": {"compute": {"cycles": {"cycles_per_sample": 2e6, "spread": {"lognormal": 0.4}}}},
    "energy": KAPPA,
    "algorithm": {"hier_favg": {"learning_rate": 0.1, "batch_size": 4, "tau": [2, 2]}},
    "network": [{"cell": {}}, {"wired": {"rate": "1 Mbit/s"}}],
    "stop": {"rounds": 3},
}
LEARNED: Data = TIMED | {
    "task": {"dataset": "digits", "partition": "iid", "model": "logistic"},
    "devices": {"compute": {"constant": {"step": "10 ms"}}},
    "network": [{"delay": {"uplink": "1 s"}}, {"delay": {"uplink": "1 s"}}],
}
del LEARNED["energy"]
RADIO = {"amplifier_efficiency": 0.5, "circuit_power": "3 W", "receive_power": "4 W", "idle_power": "5 W"}

ENERGY: dict[str, tuple[Data, Data]] = {
    "compute.kappa.kappa": (KAPPA, {"compute": {"kappa": {"kappa": 2e-28}}}),
    "compute.active_power.power": (POWER, {"compute": {"active_power": {"power": "3 W"}}}),
    "wired_per_bit": (KAPPA, KAPPA | {"wired_per_bit": "1 uJ/bit"}),
    **{
        f"{end}.{k}": (KAPPA, KAPPA | {end: {k: v}})
        for end in ("device", "station")
        for k, v in RADIO.items()
    },
}
"""Values of the fields of `energy` before and after the change."""

VALUES: dict[str, tuple[Data, Data]] = {
    "task.dataset": (LEARNED, {"task": {"dataset": {"synthetic": {"dim": 40}}}}),
    "task.partition": (LEARNED, {"task": LEARNED["task"] | {"partition": {"dirichlet": {"alpha": 0.3}}}}),
    "task.shifts": (LEARNED, {"task": LEARNED["task"] | {"shifts": [{"label_flip": 0.5}]}}),
    "task.model": (LEARNED, {"task": LEARNED["task"] | {"model": {"mlp": {"hidden": [4]}}}}),
    "stop.target_accuracy": (LEARNED, {"stop": {"rounds": 3, "target_accuracy": 0.01}}),
    "evaluate.every": (LEARNED, {"evaluate": {"every": 2}}),
    "finite": (LEARNED, {"finite": "reject"}),
    "precision": (LEARNED, {"precision": "float64"}),
    "seed": (LEARNED, {"seed": 4}),
    "algorithm": (
        LEARNED,
        {"algorithm": {"hier_sign_sgd": {"learning_rate": 0.1, "batch_size": 4, "tau": [1, 2]}}},
    ),
}
"""Fields with an effect on trained models only."""

PLACED: Data = {
    "topology": {"tree": {"children": [{"x_m": x, "y_m": 0.0, "children": [{}, {}]} for x in (0.0, 200.0)]}}
}
"""Edge servers with coordinates."""

TIMES: dict[str, tuple[Data, Data]] = {
    "servers.aggregation": (TIMED, {"servers": {"aggregation": "1 s"}}),
    "stop.rounds": (TIMED, {"stop": {"rounds": 2}}),
    "stop.deadline": (TIMED, {"stop": {"rounds": 3, "deadline": "100 ms"}}),
    "devices.compute": (TIMED, {"devices": {"compute": {"cycles": {"cycles_per_sample": 3e6}}}}),
    "association": (
        LEARNED | {"task": LEARNED["task"] | {"partition": {"dirichlet": {"alpha": 0.3}}}},
        {"association": "class_balance"},
    ),
    "devices.availability": (
        TIMED,
        {"devices": TIMED["devices"] | {"availability": {"on_off": {"on": "100 ms", "off": "100 ms"}}}},
    ),
    "seed": (TIMED, {"seed": 4}),
    "wait": (TIMED, {"wait": [{"first": {"count": 1}}, "all"]}),
    "selection": (TIMED, {"selection": [{"speed": {"count": 1}}, "all"]}),
    "faults": (TIMED, {"faults": [{"slow_down": {"factor": 2, "when": {"given": {"at": ["1 ms"]}}}}]}),
    "mobility": (TIMED | PLACED, {"mobility": {"motion": {"random_waypoint": {"side": ["300 m", "300 m"]}}}}),
    "topology": (TIMED, {"topology": {"fanout": [3, 2]}}),
    "network": (TIMED, {"network": [{"cell": {"uplink": "3 MHz"}}, *TIMED["network"][1:]]}),
    "energy": (TIMED, {"energy": None}),
    "algorithm": (
        TIMED,
        {"algorithm": {"hier_favg": {"learning_rate": 0.1, "batch_size": 4, "tau": [2, 3]}}},
    ),
}
"""Fields with an effect in the timing engine."""

SAY_NOTHING = {
    "name": "names the run's folder",
    "sweep": "names other scenarios",
    "task.data_dir": "where the samples lie",
}
"""Fields that must not change a run; the digest leaves them out for that reason."""


def all_tables(run: Run) -> str:
    """All tables and how the run ended, NaN included."""
    trace = run.trace
    return repr((trace.rounds, trace.messages, trace.nodes, trace.totals, run.stopped_by))


@cache
def trained_tables(changes: str) -> str:
    content = LEARNED | (dict(VALUES[changes][1]) if changes else {})
    return all_tables(execute(Scenario.model_validate(content), device="cpu"))


def joules_and_the_rest(energy: Data) -> tuple[str, str]:
    """The energy columns of a run, and all others."""
    run = run_timing(TIMED | {"energy": energy})
    rows = [*run.trace.rounds, *run.trace.nodes]
    spent = [[value for key, value in row.items() if key.startswith("energy")] for row in rows]
    rest = [{key: value for key, value in row.items() if not key.startswith("energy")} for row in rows]
    return repr(spent), repr((rest, run.trace.messages))


@pytest.mark.parametrize("name", ENERGY)
def test_every_field_of_energy_changes_only_energies(name: str) -> None:
    before, after = (joules_and_the_rest(section) for section in ENERGY[name])
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize("name", TIMES)
def test_every_section_changes_the_tables_of_a_timed_run(name: str) -> None:
    before, change = TIMES[name]
    assert all_tables(run_timing(before)) != all_tables(run_timing(before | change))


@pytest.mark.parametrize("name", VALUES)
def test_every_section_changes_the_tables_of_a_trained_run(name: str) -> None:
    assert trained_tables("") != trained_tables(name)


def test_a_precision_changes_values_but_not_times() -> None:
    scenes = [Scenario.model_validate(LEARNED | change) for change in ({}, VALUES["precision"][1])]
    rows = [execute(scenario, device="cpu").trace.rounds for scenario in scenes]
    assert [row["loss"] for row in rows[0]] != [row["loss"] for row in rows[1]]
    assert [row["sim_time_s"] for row in rows[0]] == [row["sim_time_s"] for row in rows[1]]


def test_descriptive_fields_do_not_change_a_run(tmp_path: Any) -> None:
    changes: list[Data] = [
        {"name": "another"},
        {"sweep": {"stop.rounds": [3, 4]}},
        {"task": LEARNED["task"] | {"data_dir": str(tmp_path)}},
    ]
    assert len(changes) == len(SAY_NOTHING)
    base = Scenario.model_validate(LEARNED)
    for change in changes:
        other = Scenario.model_validate(LEARNED | change)
        assert digest(other) == digest(base)
        assert all_tables(execute(other, device="cpu")) == trained_tables("")


EVERY = {
    f"{kind}:{name}": pair
    for kind, table in (("times", TIMES), ("values", VALUES))
    for name, pair in table.items()
}
EVERY |= {f"energy:{name}": (TIMED | {"energy": a}, {"energy": b}) for name, (a, b) in ENERGY.items()}


@pytest.mark.parametrize("name", EVERY)
def test_what_changes_a_run_changes_its_digest(name: str) -> None:
    before, change = EVERY[name]
    one, other = (Scenario.model_validate(content) for content in (before, before | change))
    assert digest(one) != digest(other)


def leaves(name: str, kind: Any, sections: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of a section's fields, its own sections opened."""
    own = kind.model_fields if issubclass(kind, BaseModel) else [f.name for f in fields(kind)]
    for field in own:
        path = f"{name}.{field}" if name else field
        inner = sections.get(path)
        if inner is None:
            yield path
        elif isinstance(inner, type):
            yield from leaves(path, inner, sections)
        else:
            for part, made in inner.items():
                yield from leaves(f"{path}.{part}", made, sections)


SECTIONS: dict[str, Any] = {
    "task": TaskSection,
    "devices": Devices,
    "servers": Servers,
    "stop": Stop,
    "evaluate": Evaluate,
}


def test_every_field_of_a_scenario_has_a_case() -> None:
    named = {*TIMES, *VALUES, *SAY_NOTHING}
    assert named == set(leaves("", Scenario, SECTIONS))


def test_every_field_of_energy_has_a_case() -> None:
    inner = {"compute": COMPUTE_ENERGY, "device": Terminal, "station": Station}
    assert set(ENERGY) == set(leaves("", Energy, inner))


def test_every_energy_model_works_with_every_clock() -> None:
    """The computing energy is proportional to the power with every compute model."""
    start = {"constant": {"step": "10 ms"}, "cycles": {"cycles_per_sample": 2e6}, "flops": {}}
    start |= {"profiled": {"per_sample": "1 ms"}}
    assert set(start) == set(COMPUTE) - {"traced"}  # whose file tests/devices/test_compute.py reads
    for clock, arguments in start.items():
        content = TIMED | {"devices": {"compute": {clock: arguments}}}
        two, three = (
            run_timing(content | {"energy": section}) for section in ENERGY["compute.active_power.power"]
        )
        joules = [run.trace.rounds[-1]["energy_compute_j"] for run in (two, three)]
        assert joules[1] == pytest.approx(1.5 * joules[0], rel=1e-12)
        assert joules[0] > 0
