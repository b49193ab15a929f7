"""Every field of every selection, availability and association changes the tables of a run."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from netsim.scenario import Scenario, digest
from netsim.selection.association import ASSOCIATIONS
from netsim.selection.availability import AVAILABILITIES
from netsim.selection.selections import SELECTIONS
from netsim.simulation.run import execute
from tests.network.sample_scenarios import Data, scenario_data, wired

SPREAD = {"constant": {"step": "10 ms", "spread": {"lognormal": 0.8}}}
COUNTED = {"count": 2}
POLL = {"count": 1, "candidates": 3}
ON_OFF = {"on": "100 ms", "off": "50 ms"}
OTHER: dict[tuple[str, str], tuple[Data, Data]] = {
    **{(name, "count"): (COUNTED, {"count": 3}) for name in ("uniform", "data", "speed", "channel")},
    **{(name, "fraction"): ({"fraction": 0.2}, {"fraction": 0.6}) for name in ("uniform", "data", "speed", "channel")},
    **{(name, "law"): (COUNTED, COUNTED | {"law": "bernoulli"}) for name in ("uniform", "data")},
    **{(name, "weights"): (COUNTED | {"law": "bernoulli"}, COUNTED | {"law": "bernoulli", "weights": "unbiased"}) for name in ("uniform", "data")},
    ("power_of_choice", "count"): (POLL, POLL | {"count": 2}),
    ("power_of_choice", "fraction"): ({"fraction": 0.2, "candidates": 3}, {"fraction": 0.5, "candidates": 3}),
    ("power_of_choice", "candidates"): (POLL, POLL | {"candidates": 5}),
    ("power_of_choice", "samples"): (POLL, POLL | {"samples": 2}),
    ("on_off", "on"): (ON_OFF, ON_OFF | {"on": "200 ms"}),
    ("on_off", "off"): (ON_OFF, ON_OFF | {"off": "90 ms"}),
    ("on_off", "law"): (ON_OFF, ON_OFF | {"law": "fixed"}),
    ("recorded", "path"): ({"path": "one.csv"}, {"path": "two.csv"}),
    ("recorded", "period"): ({"path": "one.csv"}, {"path": "one.csv", "period": "300 ms"}),
}  # fmt: skip
PARTS = {**SELECTIONS, **AVAILABILITIES, **ASSOCIATIONS}


def all_tables(name: str, arguments: Data) -> str:
    """All tables of a run on six devices with this part, values included."""
    coming = name in AVAILABILITIES
    devices = {"compute": SPREAD} | ({"availability": {name: arguments}} if coming else {})
    more = {"devices": devices} if coming else {"devices": devices, "selection": [{name: arguments}, "all"]}
    objective = {"synthetic": {"dim": 8, "samples": 8, "heterogeneity": 1.0}}
    content = scenario_data(
        [1, 6], [2, 2], [wired(shared=False), wired()], task={"dataset": objective}, stop={"rounds": 4}
    )
    scenario = Scenario.model_validate(content | more)
    run = execute(scenario, device="cpu")
    return repr((digest(scenario), run.trace.rounds, run.trace.messages))


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recordings in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("one.csv").write_text("a,0,0.1\nb,0.05,0.2\n")
    Path("two.csv").write_text("a,0,0.06\nb,0.13,0.2\n")


@pytest.mark.parametrize(("name", "field"), OTHER)
def test_every_field_changes_the_tables_of_a_run(name: str, field: str, recordings: None) -> None:
    before, after = OTHER[name, field]
    one, other = (all_tables(name, arguments) for arguments in (before, after))
    assert one.split(",", 1)[0] != other.split(",", 1)[0]  # the digests
    assert one.split(",", 1)[1] != other.split(",", 1)[1]


def test_every_field_has_a_case() -> None:
    parts: dict[str, Any] = PARTS
    assert set(OTHER) == {(name, field.name) for name, part in parts.items() for field in fields(part)}
