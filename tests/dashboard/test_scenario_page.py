"""A scenario's numbers in its text, and what is said about it: the same words as `netsim check`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.scenario_numbers import changed, numbers_of
from netsim.dashboard.scenario_page import fields, verdict
from netsim.dashboard.state import Source
from netsim.scenario import load_text
from tests.cli.calling import netsim
from tests.conftest import REPOSITORY

SCENARIOS = sorted((REPOSITORY / "scenarios").rglob("*.yaml"))
TEXT = (
    "a: 1   # one\nb: {rate: 5 MHz, list: [1, -2e-3], word: mean, quoted: '7', on: true}\nsweep: {a: [1]}\n"
)


def test_numbers_are_found_with_their_paths_and_words_are_not() -> None:
    found = {number.path: number.text for number in numbers_of(TEXT)}
    assert found == {"a": "1", "b.rate": "5 MHz", "b.list[0]": "1", "b.list[1]": "-2e-3"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_every_number_of_a_shipped_scenario_can_be_put_back(path: Path) -> None:
    text = path.read_text()
    for number in numbers_of(text):
        assert text[number.begin : number.end] == number.text
        assert changed(text, number.path, number.text) == text


def test_one_number_changes_and_every_comment_stays() -> None:
    assert changed(TEXT, "b.rate", " 20 MHz ") == TEXT.replace("5 MHz", "20 MHz")
    assert changed(TEXT, "b.list[1]", "3") == TEXT.replace("-2e-3", "3")


def test_what_was_no_number_can_become_one_again() -> None:
    assert changed(changed(TEXT, "b.rate", "5 parsecs"), "b.rate", "5 MHz") == TEXT


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
def test_a_value_that_could_be_more_than_a_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^b\.rate: must be a number, with its unit"):
        changed(TEXT, "b.rate", value)


def test_a_path_that_is_gone_is_told() -> None:
    with pytest.raises(ValueError, match="nothing stands there any more"):
        changed(TEXT, "c", "1")


def test_an_alias_is_changed_where_it_is_written() -> None:
    assert [number.path for number in numbers_of("a: &x 1\nb: *x\n")] == ["a"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("rate: 1 Gbit/s", "rate: 1 Gbits/s"),
        ("learning_rate: 0.2", "learnin_rate: 0.2"),
        ("tau: [5, 2, 2]", "tau: [0, 2, 2]"),
        ("rounds: 20", "rounds: [20"),
    ],
)
def test_the_verdict_is_what_netsim_check_says(right: str, wrong: str, tmp_path: Path) -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text().replace(right, wrong)
    (tmp_path / "mine.yaml").write_text(text)
    said, fine = verdict(text, Source(text, "mine.yaml"))
    done = netsim("check", "mine.yaml", cwd=tmp_path)
    assert (done.returncode, fine) == (1, False)
    assert done.stderr.removeprefix("netsim: ").strip() == said


def test_a_right_scenario_is_called_fine() -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text()
    said, fine = verdict(text, Source(text, "quickstart.yaml"))
    assert fine
    assert (
        said == "quickstart: fine. 40 devices, 3 layers, 20 local steps per global round, at most 20 rounds."
    )
    assert load_text(text).name == "quickstart"


@pytest.mark.parametrize("text", ["", "[", "a: \x00", "just words"])
def test_a_text_without_fields_says_so(text: str) -> None:
    assert len(fields(text)) == 1
