"""The table of docs/results.md about device selection, from the points of a sweep.

netsim sweep scenarios/papers/selection.yaml --out runs
python tests/papers/selections.py runs/selection_mnist-sweep/points.parquet 5 15 30
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd


def main(words: Sequence[str]) -> int:
    """Print mean accuracy ± standard error over the seeds at each deadline (seconds), one row per selection."""
    points = pd.read_parquet(Path(words[0]))
    deadlines = [float(word) for word in words[1:]]
    sys.stdout.write(table(accuracies(points, deadlines), deadlines) + "\n")
    return 0


def accuracies(points: pd.DataFrame, deadlines: Sequence[float]) -> pd.DataFrame:
    """A row per selection and seed: rounds, Mbit up at the end, and the accuracy of the last round by each deadline."""
    rows = []
    waits = points.wait if "wait" in points else [None] * len(points)
    points = points.assign(
        label=[selection_label(*pair) for pair in zip(points.selection, waits, strict=True)]
    )
    for (label, seed), run in points.groupby(["label", "seed"], sort=False):
        row = {
            "selection": label,
            "seed": seed,
            "rounds": run["round"].max(),
            "Mbit": run.bits_up_1.max() / 1e6,
        }
        row |= {f"{s:g} s": run[run.sim_time_s <= s].accuracy.iloc[-1] for s in deadlines}
        rows.append(row)
    return pd.DataFrame(rows)


def table(results: pd.DataFrame, deadlines: Sequence[float]) -> str:
    """Markdown; the best of each column in bold."""
    columns = [f"{s:g} s" for s in deadlines]
    groups = results.groupby("selection", sort=False)
    means, errors = groups[columns].mean(), groups[columns].std() / groups.size().to_numpy()[:, None] ** 0.5
    lines = [
        "| selection in layer 1 | rounds | Mbit up | " + " | ".join(columns) + " |",
        "|---|" + "---|" * (len(columns) + 2),
    ]
    sizes = groups[["rounds", "Mbit"]].mean()
    for label in means.index:
        cells = [_cell(means, errors, label, column) for column in columns]
        size = f"{sizes.rounds[label]:.0f} | {sizes.Mbit[label]:.0f}"
        lines.append(f"| `{label}` | {size} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def selection_label(selection: object, wait: object) -> str:
    """Selection and barrier of layer 1, written as in a scenario."""
    words = [_flow(json.loads(word)[0]) for word in (selection, wait) if isinstance(word, str)]
    return ", wait ".join(words) if isinstance(selection, str) else f"all, wait {words[0]}"


def _flow(part: object) -> str:
    if not isinstance(part, dict):
        return str(part)
    name, arguments = next(iter(part.items()))
    if not isinstance(arguments, dict):
        return f"{name}: {arguments}"
    return f"{name}: {{{', '.join(f'{key}: {value}' for key, value in arguments.items())}}}"


def _cell(means: pd.DataFrame, errors: pd.DataFrame, label: object, column: str) -> str:
    value, error = means.loc[label, column], errors.loc[label, column]
    text = f"{value:.3f} ± {error:.3f}"
    return f"**{text}**" if value == means[column].max() else text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
