"""A sweep names paths that exist and values that validate; `run` ignores it."""

from __future__ import annotations

import pytest

from netsim.scenario import digest, load_text
from tests.scenario.scenes import SCENE, complaints

LINE = 15


def test_a_sweep_over_any_place_is_kept_as_it_was_written() -> None:
    scenario = load_text(
        SCENE + 'sweep: {"network[0].cell.uplink": [1 MHz, 5 MHz], stop.deadline: [2 s], seed: [1, 2]}\n'
    )
    assert scenario.sweep == {
        "network[0].cell.uplink": ("1 MHz", "5 MHz"),
        "stop.deadline": ("2 s",),
        "seed": (1, 2),
    }
    assert digest(scenario) == digest(load_text(SCENE))


@pytest.mark.parametrize(
    ("sweep", "line"),
    [
        ("{stop.roundz: [1]}", '9: sweep["stop.roundz"]: stop.roundz: unknown key \'roundz\'; did you mean \'rounds\'? '
         "(known: deadline, rounds, target_accuracy)"),
        ("{seed: [1, x]}", "19: sweep.seed[1]: must be an integer, got 'x'"),
        ("{name: [a]}", "9: sweep.name: 'name' cannot be swept; sweep what a run depends on"),
        ('{"network[5]": [wired]}', '9: sweep["network[5]"]: network[5]: network has 2 entries, counted from 0'),
        ("{topology: [{fanout: [3]}]}", "20: sweep.topology[0]: network: has 2 entries, but the topology has 1 layer; "
         "write one per layer, lists run from the devices up"),
        ("{seed: 3}", "15: sweep.seed: must be a list, got 3; write [3]"),
        ("{seed: []}", "15: sweep.seed: must have at least 1 entries, got 0"),
        ("{..: [1]}", "9: sweep[\"..\"]: '..' is no path; write words and [numbers], e.g. network[0].cell.uplink"),
    ],
)  # fmt: skip
def test_a_sweep_that_cannot_run_is_told_at_its_place(sweep: str, line: str) -> None:
    assert complaints(SCENE + f"sweep: {sweep}\n")[0] == f"bad.yaml:{LINE}:{line}"
