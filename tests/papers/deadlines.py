"""The table and the figure of docs/results.md about deadlines, from what `netsim optimize --json` printed.

netsim optimize scenarios/papers/deadline_mnist.yaml --calibrate --refine 12 --compare 20 --seeds 5 --json > mnist.json
python tests/papers/deadlines.py mnist.json docs/figures/deadline_mnist.svg
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 300, 64, 44


class CompletedPlan(NamedTuple):
    """A plan whose trial ran until the deadline."""

    tau: tuple[int, ...]
    kind: str
    accuracy: float
    error: float
    rounds: float
    bound: float | None


def main(arguments: Sequence[str]) -> int:
    """Print the table; with a second argument write the figure."""
    output = json.loads(Path(arguments[0]).read_text())
    completed = rows(output)
    sys.stdout.write(table(completed) + "\n\n" + verdict(completed) + "\n")
    if len(arguments) > 1:
        Path(arguments[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments[1]).write_text(figure(completed))
    return 0


def rows(output: dict[str, Any]) -> list[CompletedPlan]:
    """All trials that ran until the deadline, best first."""
    plan_tau, first = tuple(output["tau"]), tuple(output["plans"][0]["tau"])
    completed = []
    for trial in output["trials"]:
        if trial["simulated_share_of_deadline"] < 1:
            continue
        tau, values = tuple(trial["tau"]), trial["simulated_accuracy"]
        kind_of_tau = "the plan" if tau == plan_tau else "the bound's choice" if tau == first else "candidate"
        kind = "random" if trial["random"] else kind_of_tau
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        rounds = statistics.mean(trial["simulated_rounds"])
        completed.append(
            CompletedPlan(tau, kind, statistics.mean(values), error, rounds, trial["predicted_bound"])
        )
    return sorted(completed, key=lambda row: -row.accuracy)


def table(completed: Sequence[CompletedPlan]) -> str:
    """A markdown table of the plan, the plan of the bound, and the random taus, best first."""
    lines = ["| tau | what | rounds | accuracy at the deadline | bound |", "|---|---|---|---|---|"]
    for row in completed:
        if row.kind != "candidate":
            bound = "-" if row.bound is None else f"{row.bound:.3g}"
            tau = ", ".join(map(str, row.tau))
            lines.append(
                f"| {tau} | {row.kind} | {row.rounds:g} | {row.accuracy:.4f} ± {row.error:.4f} | {bound} |"
            )
    return "\n".join(lines)


def verdict(completed: Sequence[CompletedPlan]) -> str:
    """A sentence on whether the claim holds."""
    plan = next(row for row in completed if row.kind == "the plan")
    others = [row for row in completed if row.kind == "random"]
    best, median = (
        max(others, key=lambda row: row.accuracy),
        statistics.median(row.accuracy for row in others),
    )
    least = best.accuracy - best.error
    return (
        f"Plan {plan.accuracy:.4f} ± {plan.error:.4f}; best of {len(others)} random {best.accuracy:.4f} ± {best.error:.4f}: "
        f"{'at least' if plan.accuracy >= least else 'BELOW'} the best less one standard error ({least:.4f}); "
        f"{plan.accuracy - median:+.4f} against the median of {median:.4f}."
    )


def figure(completed: Sequence[CompletedPlan]) -> str:
    """Accuracy by rank as SVG; values far below the median are drawn at the lower edge."""
    high = max(row.accuracy + row.error for row in completed)
    middle = statistics.median(row.accuracy for row in completed)
    low = max(min(row.accuracy - row.error for row in completed), high - 5 * (high - middle))
    colours = {
        "random": "#E69F00",
        "candidate": "#0072B2",
        "the plan": "#D55E00",
        "the bound's choice": "#009E73",
    }

    def x(rank: float) -> float:
        return LEFT + (WIDTH - LEFT - 16) * (rank + 0.5) / len(completed)

    def y(value: float) -> float:
        return 34 + (HEIGHT - BOTTOM - 34) * (high - max(value, low)) / (high - low)

    parts = []
    for step in range(6):
        value = low + (high - low) * step / 5
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#d0d7de"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    for rank, row in enumerate(completed):
        at, colour = x(rank), colours[row.kind]
        ends = y(row.accuracy - row.error), y(row.accuracy + row.error)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}" stroke="#868E96"/>'
        )
        size = 7 if row.kind in ("the plan", "the bound's choice") else 4
        name = f"tau = {row.tau}: {row.accuracy:.4f}"
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y(row.accuracy):.1f}" r="{size}" fill="{colour}"><title>{name}</title></circle>'
        )
    for k, (kind, colour) in enumerate(colours.items()):
        parts.append(f'<circle cx="{LEFT + 8 + 140 * k}" cy="14" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 18 + 140 * k}" y="18">{kind}</text>')
    parts.append(
        f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">rank at the deadline</text>'
    )
    body = "\n".join(parts)
    style = 'font-family="sans-serif" font-size="12" fill="#1b1f24"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
