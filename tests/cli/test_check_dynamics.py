"""`netsim check` of scenarios with faults, availability, barriers and selections."""

from __future__ import annotations

import pytest

from netsim.cli.check_command import check_command
from netsim.cli.exit_codes import InputError
from netsim.scenario import ScenarioError

FORMS = {
    "a temporary failure": "faults=[{server_failure: {nodes: [edge1], when: {given: {at: [10 s], lasts: 5 s}}}}]",
    "a permanent failure": "faults=[{server_failure: {nodes: [edge1], when: {given: {at: [10 s]}}}}]",
    "random crashes": "faults=[{crash: {when: {random: {between: 60 s, repair: 5 s}}}}]",
    "on and off": "devices.availability={on_off: {on: 10 min, off: 5 min}}",
    "barriers": "wait=[{deadline: {after: 800 ms, late: carry}}, {buffer: {size: 2}}, all]",
    "selections": "selection=[{uniform: 0.5}, all, all]",
}


@pytest.mark.parametrize("form", FORMS)
def test_check_accepts_dynamic_scenarios(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("quickstart", [FORMS[form]], False) == 0
    assert "quickstart: fine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            "faults=[{crash: {nodes: [edge99], when: {given: {at: [1 s]}}}}]",
            "no 'edge99' below the cloud; names run from 'device0' to 'device39', 'edge0' to 'edge7'",
        ),
        ("mobility={motion: {random_waypoint: {}}}", "mobility"),
    ],
)
def test_check_refuses_invalid_dynamic_scenarios(form: str, message: str) -> None:
    with pytest.raises((InputError, ScenarioError), match=message):
        check_command("quickstart", [form], False)
