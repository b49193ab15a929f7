"""`netsim optimize`, from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import netsim

KEYS = ("tau", "learning_rate", "rounds", "predicted_time_s", "predicted_bound", "gap", "mode")


def test_a_plan_is_printed_saved_and_runnable(tmp_path: Path) -> None:
    done = netsim(
        "optimize", "quickstart", "--deadline", "2s", "--save", "plan.yaml", "--explain", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "mode fixed: fixed learning rate, Theorem 1" in done.stdout
    assert "constants assumed" in done.stdout
    assert "(F_0 - F*) / (mu K T c_G)" in done.stdout
    assert (tmp_path / "plan.yaml").read_text().startswith("# A plan of `netsim optimize quickstart`.")
    assert netsim("run", "plan.yaml", "--engine", "timing", cwd=tmp_path).returncode == 0


def test_json_has_its_keys_and_a_page(tmp_path: Path) -> None:
    done = netsim("optimize", "quickstart", "--json", "--mode", "joint-2", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert set(KEYS) <= set(found)
    assert found["mode"] == "joint-2"
    assert len(found["plans"]) == 8
    page = Path(found["page"]).read_text()
    assert "The bound over two taus" in page
    assert "http" not in page.partition("<script>")[0].replace("http-equiv", "")


def test_refinement_and_comparison_reach_table_and_page(tmp_path: Path) -> None:
    words = (
        "quickstart",
        "stop.deadline=600 ms",
        "--refine",
        "3",
        "--compare",
        "2",
        "--seeds",
        "1",
        "--json",
    )
    done = netsim("optimize", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sum(trial["random"] for trial in found["trials"]) == 2
    assert len(found["trials"]) >= 5
    assert found["simulated_accuracy"] == found["trials"][0]["simulated_accuracy"]
    assert "Predicted against simulated time" in Path(found["page"]).read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--deadline", "10"), "--deadline: a time needs a unit, got 10"),
        (("--deadline", "1ms"), "the smallest feasible deadline is"),
        (("--energy", "5 J"), "needs an `energy:` section"),
        (("--target", "-1"), "--target must be > 0"),
        (("--quantile", "2"), "--quantile must be in (0, 1)"),
        (("--constants", "absent.json"), "absent.json: No such file"),
        (("--target", "1e-9"), "no plan reaches a bound of 1e-09"),
        (("--constants", "x.json", "--calibrate"), "remove one of them"),
        (("--save", "no/such/folder.yaml"), "cannot be written"),
    ],
)
def test_wrong_input_is_told_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = netsim("optimize", "quickstart", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
