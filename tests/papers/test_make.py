"""`make papers`: printed cost, reading of sweeps, and writing of sections."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from tests.papers import make
from tests.papers.layers import crossing, largest_rate
from tests.papers.points import best, ends, over_seeds, parsed, tails
from tests.papers.sections import replace_section


def frame() -> pd.DataFrame:
    """Two settings, two seeds, rounds 0 to 2."""
    rows = [
        (2 * k + s, rate, s, r, 0.1 * r + 0.01 * s + (0.5 if rate == 0.3 else 0.0))
        for k, rate in enumerate((0.1, 0.3))
        for s in (0, 1)
        for r in (0, 1, 2)
    ]
    return pd.DataFrame(rows, columns=["point", "rate", "seed", "round", "accuracy"])


def test_best_selects_the_largest_mean_over_seeds() -> None:
    stats = over_seeds(ends(frame()), ["rate"], "accuracy")
    assert stats["mean"].tolist() == pytest.approx([0.205, 0.705])
    assert stats["std"].tolist() == pytest.approx([0.01 / math.sqrt(2)] * 2)
    assert best(stats.assign(all=1), ["all"])["rate"].tolist() == [0.3]
    assert best(stats.assign(all=1), ["all"], least=True)["rate"].tolist() == [0.1]


def test_tails_are_means_over_the_last_rounds_of_each_point() -> None:
    assert tails(frame(), "accuracy", 0.5)["accuracy"].tolist() == pytest.approx([0.15, 0.16, 0.65, 0.66])


def test_settings_are_parsed_from_json() -> None:
    assert [parsed(v) for v in ('{"top_k": {"k": 1}}', "[1, null]", "false", "iid", float("nan"), None, 2.0)] == [
        {"top_k": {"k": 1}}, [1, None], False, "iid", None, None, 2.0,
    ]  # fmt: skip


def test_text_is_inserted_between_the_markers_of_a_claim() -> None:
    page = "a\n<!-- make papers: x -->\nold \\1\n<!-- end of x -->\nb\n"
    assert replace_section(page, "x", "new \\1") == page.replace("old", "new")
    with pytest.raises(ValueError, match="must hold the line <!-- make papers: y -->"):
        replace_section(page, "y", "new")


def test_the_threshold_is_the_zero_of_the_loss_growth() -> None:
    assert crossing([1.0, 4.0], [-1.0, 1.0]) == pytest.approx(2.0)
    assert crossing([1.0, 2.0, 4.0], [-1.0, -3.0, 1.0]) == pytest.approx(2 * 2**0.75)
    assert crossing([1.0, 2.0], [-1.0, -1.0]) == math.inf


@pytest.mark.parametrize("q", [1.0, 15.0])
def test_mu_max_without_local_steps_is_two_over_one_plus_omega(q: float) -> None:
    """Theory, section 3 (A): mu* = 2 / (L (1 + Omega)) where that is at most 1 / L; 8 devices below 2 edge servers.

    The planner tries a subset of the constants, hence the tolerance of 4 %.
    """
    omega = q * (1 + q) / 8 + q / 2
    assert largest_rate((1, 1), q) == pytest.approx(min(1.0, 2 / (1 + omega)), rel=0.04)


def test_a_dry_run_prints_cost_and_finished_points(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make.main(["quantizers_quadratic", "--dry-run", "--out", str(tmp_path)]) == 0
    table = capsys.readouterr().out
    assert "quantizers_quadratic" in table
    assert "CPU-minutes on one core" in table
    assert table.splitlines()[1].split()[1:3] == ["40", "0"]


def test_the_error_names_an_unknown_claim(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        make.main(["nonsense"])
    assert "no claim 'nonsense'; choose from signs_mnist" in capsys.readouterr().err


def test_every_claim_has_markers_a_figure_and_a_scenario() -> None:
    page = make.PAGE.read_text()
    for claim in make.CLAIMS:
        assert replace_section(page, claim.name, "x") != page
        assert (make.FIGURES / f"{claim.name}.png").is_file()
        assert (make.SCENARIOS / f"{claim.name}.yaml").is_file()
