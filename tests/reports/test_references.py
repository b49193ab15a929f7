"""A run records what its parts refer to, and its report says so by title."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netsim.reports.page_parts import KeyValues
from netsim.reports.references import reference_parts
from netsim.results.references import entry_of, title_of
from netsim.results.result import Result
from netsim.scenario import load
from netsim.scenario.citations import users

MakeResult = Callable[..., Result]


def test_every_reference_knows_who_cites_it() -> None:
    found = users(load("quickstart", ["sweep={}"]))
    assert "recipe qmlhfl" in found["arXiv:2505.08145"]
    assert "compressor qsgd" in found["arXiv:1610.02132"]
    assert any(mark.startswith("TR 38.901") for mark in found)


def test_titles_have_no_braces() -> None:
    entry = entry_of("arXiv:1802.04434")
    assert entry is not None
    assert title_of(entry) == "signSGD: Compressed Optimisation for Non-Convex Problems (2018)"


def test_the_report_says_titles_and_users_and_shows_strange_marks_as_they_are(
    make_result: MakeResult,
) -> None:
    run = make_result()
    told = {"arXiv:2505.08145": ["recipe qmlhfl"], "<b>": ["my_lab:Turbo"]}
    (_, facts) = reference_parts(replace(run, manifest={**run.manifest, "references": told}))
    assert isinstance(facts, KeyValues)
    assert facts.pairs[0] == (
        "arXiv:2505.08145, for recipe qmlhfl",
        "Multi-Layer Hierarchical Federated Learning with Quantization (2025)",
    )
    assert facts.pairs[1] == ("<b>, for my_lab:Turbo", "<b>")


def test_a_run_that_recorded_none_shows_none(make_result: MakeResult) -> None:
    assert reference_parts(make_result()) == []
