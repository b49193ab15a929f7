"""The scenario editor: numbers in a text, their replacement, and the messages of `netsim check`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.scenario_numbers import find_numbers, replace_number
from netsim.dashboard.scenario_page import check_text, number_fields
from netsim.dashboard.state import Source
from netsim.scenario import load_text
from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY

SCENARIOS = sorted((REPOSITORY / "scenarios").rglob("*.yaml"))
TEXT = (
    "a: 1   # one\nb: {rate: 5 MHz, list: [1, -2e-3], word: mean, quoted: '7', on: true}\nsweep: {a: [1]}\n"
)


def test_numbers_are_found_with_their_paths_and_texts_are_not() -> None:
    numbers = {number.path: number.text for number in find_numbers(TEXT)}
    assert numbers == {"a": "1", "b.rate": "5 MHz", "b.list[0]": "1", "b.list[1]": "-2e-3"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_replacing_a_number_by_itself_changes_no_shipped_scenario(path: Path) -> None:
    text = path.read_text()
    for number in find_numbers(text):
        assert text[number.begin : number.end] == number.text
        assert replace_number(text, number.path, number.text) == text


def test_replacing_a_number_preserves_comments() -> None:
    assert replace_number(TEXT, "b.rate", " 20 MHz ") == TEXT.replace("5 MHz", "20 MHz")
    assert replace_number(TEXT, "b.list[1]", "3") == TEXT.replace("-2e-3", "3")


def test_an_invalid_quantity_can_be_replaced_by_a_number() -> None:
    assert replace_number(replace_number(TEXT, "b.rate", "5 parsecs"), "b.rate", "5 MHz") == TEXT


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "1\nseed: 2",
        "1, x: 2",
        "1}",
        "{a: 1}",
        "[1]",
        "1 # no",
        "'1",
        "&a 1",
        "!!int 1",
        "- 1",
        "x" * 99,
        "a: b",
    ],
)
def test_a_value_that_is_more_than_a_number_is_rejected(value: str) -> None:
    with pytest.raises(ValueError, match=r"^b\.rate: must be a number, with its unit"):
        replace_number(TEXT, "b.rate", value)


def test_a_missing_path_is_an_error() -> None:
    with pytest.raises(ValueError, match="no value at this path"):
        replace_number(TEXT, "c", "1")


def test_an_alias_has_no_field_of_its_own() -> None:
    assert [number.path for number in find_numbers("a: &x 1\nb: *x\n")] == ["a"]


@pytest.mark.parametrize(
    ("valid", "invalid"),
    [
        ("rate: 1 Gbit/s", "rate: 1 Gbits/s"),
        ("learning_rate: 0.2", "learnin_rate: 0.2"),
        ("tau: [5, 2, 2]", "tau: [0, 2, 2]"),
        ("rounds: 20", "rounds: [20"),
    ],
)
def test_the_error_messages_are_those_of_netsim_check(valid: str, invalid: str, tmp_path: Path) -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text().replace(valid, invalid)
    (tmp_path / "mine.yaml").write_text(text)
    message, is_valid = check_text(text, Source(text, "mine.yaml"))
    done = netsim("check", "mine.yaml", cwd=tmp_path)
    assert (done.returncode, is_valid) == (1, False)
    assert done.stderr.removeprefix("netsim: ").strip() == message


def test_a_valid_scenario_has_a_summary() -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text()
    message, is_valid = check_text(text, Source(text, "quickstart.yaml"))
    assert is_valid
    assert (
        message
        == "quickstart: valid. 40 devices, 3 layers, 20 local steps per global round, at most 20 rounds."
    )
    assert load_text(text).name == "quickstart"


@pytest.mark.parametrize("text", ["", "[", "a: \x00", "just words"])
def test_a_text_without_numbers_has_a_message(text: str) -> None:
    assert len(number_fields(text)) == 1
