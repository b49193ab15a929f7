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


class Ran(NamedTuple):
    """A plan that ran to the deadline."""

    tau: tuple[int, ...]
    kind: str
    accuracy: float
    error: float
    rounds: float
    bound: float | None


def main(words: Sequence[str]) -> int:
    """Print the table; with a second argument write the figure."""
    found = json.loads(Path(words[0]).read_text())
    ran = rows(found)
    sys.stdout.write(table(ran) + "\n\n" + verdict(ran) + "\n")
    if len(words) > 1:
        Path(words[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(words[1]).write_text(figure(ran))
    return 0


def rows(found: dict[str, Any]) -> list[Ran]:
    """All that ran to the deadline, best first."""
    chosen, first = tuple(found["tau"]), tuple(found["plans"][0]["tau"])
    ran = []
    for trial in found["trials"]:
        if trial["simulated_share_of_deadline"] < 1:
            continue
        tau, values = tuple(trial["tau"]), trial["simulated_accuracy"]
        named = "the plan" if tau == chosen else "the bound's choice" if tau == first else "candidate"
        kind = "random" if trial["random"] else named
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
        rounds = statistics.mean(trial["simulated_rounds"])
        ran.append(Ran(tau, kind, statistics.mean(values), error, rounds, trial["predicted_bound"]))
    return sorted(ran, key=lambda row: -row.accuracy)


def table(ran: Sequence[Ran]) -> str:
    """The rows that matter: the plan, the bound's own choice, and the random taus in order."""
    lines = ["| tau | what | rounds | accuracy at the deadline | bound |", "|---|---|---|---|---|"]
    for row in ran:
        if row.kind != "candidate":
            bound = "-" if row.bound is None else f"{row.bound:.3g}"
            tau = ", ".join(map(str, row.tau))
            lines.append(
                f"| {tau} | {row.kind} | {row.rounds:g} | {row.accuracy:.4f} ± {row.error:.4f} | {bound} |"
            )
    return "\n".join(lines)


def verdict(ran: Sequence[Ran]) -> str:
    """The claim, decided."""
    plan = next(row for row in ran if row.kind == "the plan")
    others = [row for row in ran if row.kind == "random"]
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


def figure(ran: Sequence[Ran]) -> str:
    """Accuracy by rank, as SVG; what is far below the median lies on the lower edge."""
    high = max(row.accuracy + row.error for row in ran)
    middle = statistics.median(row.accuracy for row in ran)
    low = max(min(row.accuracy - row.error for row in ran), high - 5 * (high - middle))
    colours = {
        "random": "#E69F00",
        "candidate": "#0072B2",
        "the plan": "#D55E00",
        "the bound's choice": "#009E73",
    }

    def x(rank: float) -> float:
        return LEFT + (WIDTH - LEFT - 16) * (rank + 0.5) / len(ran)

    def y(value: float) -> float:
        return 34 + (HEIGHT - BOTTOM - 34) * (high - max(value, low)) / (high - low)

    parts = []
    for step in range(6):
        value = low + (high - low) * step / 5
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#d0d7de"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    for rank, row in enumerate(ran):
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
