"""`netsim check` of a network that changes: every form that the pages show is told in words."""

from __future__ import annotations

import pytest

from netsim.cli.check_command import check_command
from netsim.cli.error_handling import InputError
from netsim.scenario import ScenarioError

FORMS = {
    "a failure for a while": "faults=[{server_failure: {nodes: [edge1], when: {given: {at: [10 s], lasts: 5 s}}}}]",
    "a failure for good": "faults=[{server_failure: {nodes: [edge1], when: {given: {at: [10 s]}}}}]",
    "random crashes": "faults=[{crash: {when: {random: {between: 60 s, repair: 5 s}}}}]",
    "on and off": "devices.availability={on_off: {on: 10 min, off: 5 min}}",
    "barriers": "wait=[{deadline: {after: 800 ms, late: carry}}, {buffer: {size: 2}}, all]",
    "selections": "selection=[{uniform: 0.5}, all, all]",
}


@pytest.mark.parametrize("form", FORMS)
def test_check_tells_it(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("quickstart", [FORMS[form]], False) == 0
    assert "quickstart: fine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            "faults=[{crash: {nodes: [edge99], when: {given: {at: [1 s]}}}}]",
            "no 'edge99' below the cloud; names run from 'device0' to 'device39', 'edge0' to 'edge7'",
        ),
        ("mobility={motion: {random_waypoint: {}}}", "mobility"),
    ],
)
def test_check_refuses_what_a_run_would_refuse(form: str, said: str) -> None:
    with pytest.raises((InputError, ScenarioError), match=said):
        check_command("quickstart", [form], False)
