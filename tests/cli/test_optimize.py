"""The command `netsim optimize`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import netsim

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


def test_json_output_has_its_keys_and_a_page(tmp_path: Path) -> None:
    done = netsim("optimize", "quickstart", "--json", "--mode", "joint-2", cwd=tmp_path)
    output = json.loads(done.stdout)
    assert set(KEYS) <= set(output)
    assert output["mode"] == "joint-2"
    assert len(output["plans"]) == 8
    page = Path(output["page"]).read_text()
    assert "Bound over two taus" in page
    assert "http" not in page.partition("<script>")[0].replace("http-equiv", "")


def test_refinement_and_comparison_appear_in_output_and_page(tmp_path: Path) -> None:
    arguments = (
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
    done = netsim("optimize", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert sum(trial["random"] for trial in output["trials"]) == 2
    assert len(output["trials"]) >= 5
    assert output["simulated_accuracy"] == output["trials"][0]["simulated_accuracy"]
    assert "Predicted against simulated time" in Path(output["page"]).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_invalid_input_gives_a_one_line_error(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = netsim("optimize", "quickstart", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
