"""A run records the references of its parts; its report lists them with titles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netsim.reports.bibliography import reference_parts
from netsim.reports.page_parts import KeyValues
from netsim.results.bibliography import entry_of, title_of
from netsim.results.result import Result
from netsim.scenario import load
from netsim.scenario.citations import citing_parts_by_label

MakeResult = Callable[..., Result]


def test_every_reference_lists_the_parts_that_cite_it() -> None:
    parts = citing_parts_by_label(load("quickstart", ["sweep={}"]))
    assert "recipe qmlhfl" in parts["arXiv:2505.08145"]
    assert "compressor qsgd" in parts["arXiv:1610.02132"]
    assert any(label.startswith("TR 38.901") for label in parts)


def test_titles_contain_no_bibtex_braces() -> None:
    entry = entry_of("arXiv:1802.04434")
    assert entry is not None
    assert title_of(entry) == "signSGD: Compressed Optimisation for Non-Convex Problems (2018)"


def test_the_report_lists_titles_and_parts_and_shows_unknown_keys_unchanged(
    make_result: MakeResult,
) -> None:
    run = make_result()
    recorded = {"arXiv:2505.08145": ["recipe qmlhfl"], "<b>": ["my_lab:Turbo"]}
    (_, pairs) = reference_parts(replace(run, manifest={**run.manifest, "references": recorded}))
    assert isinstance(pairs, KeyValues)
    assert pairs.pairs[0] == (
        "arXiv:2505.08145, cited by recipe qmlhfl",
        "Multi-Layer Hierarchical Federated Learning with Quantization (2025)",
    )
    assert pairs.pairs[1] == ("<b>, cited by my_lab:Turbo", "<b>")


def test_a_run_without_recorded_references_has_no_list(make_result: MakeResult) -> None:
    assert reference_parts(make_result()) == []
