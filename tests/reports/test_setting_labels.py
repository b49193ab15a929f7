"""Labels of swept parts contain the differing arguments and no others."""

from __future__ import annotations

import json

import pytest

from netsim.reports.labels import multiline_labels
from netsim.reports.setting_labels import label_values
from netsim.reports.settings import group_settings
from tests.reports.conftest import points


def labels(*values: object) -> list[str]:
    """Labels of values in the form of a points table: parts and lists as JSON."""
    return label_values([json.dumps(value) if isinstance(value, list | dict) else value for value in values])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"sgd": {"rate": 0.1, "tau": 5}}, {"sign": {"rate": 0.2}}], ["sgd", "sign"]),
        ([{"sgd": {"rate": 0.1, "tau": 5}}, {"sgd": {"rate": 0.2, "tau": 5}}], ["sgd rate 0.1", "sgd rate 0.2"]),
        ([{"q": {"s": 4, "code": "a"}}, {"q": {"s": 8, "code": "b"}}], ["q (s 4, code a)", "q (s 8, code b)"]),
        (["none", {"none": "bf16"}, {"top_k": 0.1}], ["none", "none bf16", "top_k"]),
        ([{"fraction": {"of": 0.8}}, {"fraction": {"of": 0.5}}], ["fraction 0.8", "fraction 0.5"]),
        ([["all", "all"], [{"fraction": {"of": 0.8}}, {"buffer": {"size": 2}}]], ["[all, all]", "[fraction, buffer]"]),
        ([[{"f": {"of": 0.8}}, "all"], [{"f": {"of": 0.5}}, "all"]], ["[f 0.8, all]", "[f 0.5, all]"]),
        ([[5, 2], [10, 2]], ["[5, 2]", "[10, 2]"]),
        ([{"a": 1, "b": {"qsgd": {"s": 4}}}, {"a": 1, "b": "sign"}], ["b qsgd", "b sign"]),
        ([{"g": {"up": {"q": {"s": 4}}, "n": 1}}, {"g": {"up": {"q": {"s": 8}}, "n": 1}}], ["g up q 4", "g up q 8"]),
        (["1 MHz", None, 0.25], ["1 MHz", "as written", "0.25"]),
        (["{broken", "x"], ["{broken", "x"]),
    ],
)  # fmt: skip
def test_a_label_contains_what_differs(values: list[object], expected: list[str]) -> None:
    assert labels(*values) == expected


def test_values_with_equal_short_labels_are_labelled_in_full() -> None:
    assert labels({"a": {}}, {"a": None}) == ["{a: {}}", "{a: null}"]


def test_the_label_of_a_part_has_no_key() -> None:
    parts = tuple(json.dumps({name: {"rate": 0.1}}) for name in ("sgd", "sign"))
    table = points(taus=(1,), seeds=1).assign(algorithm=[parts[k // 11] for k in range(22)])
    assert [s.label for s in group_settings(table, ["cell.uplink", "algorithm"])] == [
        "uplink 1 MHz, sgd", "uplink 5 MHz, sign",
    ]  # fmt: skip


def test_long_labels_are_broken_into_lines_before_they_are_truncated() -> None:
    label = "hier_favg learning_rate 0.2, uplink 10 kHz, tau 5"
    assert multiline_labels([label, "<b>"]) == [
        "hier_favg learning_rate 0.2,<br>uplink 10 kHz, tau 5",
        "&lt;b&gt;",
    ]
    assert multiline_labels(["x" * 40 + "1", "x" * 40 + "2"]) == ["x" * 31 + "… (1)", "x" * 31 + "… (2)"]
