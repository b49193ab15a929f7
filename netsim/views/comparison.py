"""The points of a sweep beside one another: accuracy over simulated time, and what each setting cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.views import human
from netsim.views.axes import column, layout, numbers
from netsim.views.page import page_html
from netsim.views.palette import layer_colour
from netsim.views.parts import Facts, Figure, Legend, Section, Table, Trace, Words

if TYPE_CHECKING:
    from pandas import DataFrame


def write_comparison(points: Path, axes: Sequence[str], name: str, target: float | None, path: Path) -> Path:
    """Write a self-contained page about a points.parquet; `axes` are its columns of settings."""
    import pandas as pd

    table = pd.read_parquet(points)
    settings = [axis for axis in axes if axis != "seed"] or list(axes)
    groups = list(table.groupby(settings, sort=False))
    sections = [Section("curves", "Accuracy over simulated time", [_curves(groups, settings)])]
    sections.append(
        Section("points", "What each setting cost", [Words(_legend(target)), _table(groups, settings)])
    )
    opening = [Facts([("Points", str(table["point"].nunique())), ("Settings", ", ".join(axes))], large=True)]
    path.write_bytes(page_html(f"{name}: sweep", sections, opening).encode("utf-8", "backslashreplace"))
    return path.absolute()


def _curves(groups: Sequence[tuple[object, DataFrame]], settings: Sequence[str]) -> Figure:
    scale = human.time_scale(max(float(group["sim_time_s"].max()) for _, group in groups))
    traces: list[Trace] = []
    legend: list[Legend] = []
    for k, (key, group) in enumerate(groups):
        label, colour, mine = _label(key, settings), layer_colour(k + 1), []
        for _, run in group.groupby("point", sort=False):
            mine.append(len(traces))
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": label,
                    "x": numbers(column(run, "sim_time_s") / scale.size),
                    "y": numbers(column(run, "accuracy")),
                    "line": {"color": colour, "width": 2},
                    "hovertemplate": f"{label}: %{{y:.4g}} at %{{x:.4g}} {scale.unit}<extra></extra>",
                }
            )
        legend.append(Legend(label, "line", [colour], mine))
    frame = layout(420, f"Simulated time ({scale.unit})", "Accuracy on the test set (share)")
    return Figure(
        "curves", "Accuracy", "One line per run; seeds of a setting share a colour.", traces, frame, legend
    )


def _table(groups: Sequence[tuple[object, DataFrame]], settings: Sequence[str]) -> Table:
    heads = ["", "Runs", "Final accuracy", "Simulated time", "Time to accuracy", "Uplink payload", "Energy"]
    return Table("Means over seeds", heads, [_row(_label(key, settings), group) for key, group in groups])


def _row(label: str, group: DataFrame) -> list[str]:
    last = group.groupby("point").last()
    up = last[[name for name in last.columns if name.startswith("bits_up_")]].sum(axis=1)
    spread = last["accuracy"].std()
    accuracy = human.score(float(last["accuracy"].mean()))
    if spread == spread:
        accuracy += f" ± {human.digits(float(spread), 2)}"
    reached = last["time_to_accuracy_s"].dropna()
    to_accuracy = human.seconds(float(reached.mean())) if len(reached) == len(last) else "not reached"
    energy = human.joules(float(last["energy_j"].mean())) if "energy_j" in last.columns else "-"
    time_s = human.seconds(float(last["sim_time_s"].mean()))
    return [label, str(len(last)), accuracy, time_s, to_accuracy, human.bits(float(up.mean())), energy]


def _label(key: object, settings: Sequence[str]) -> str:
    values = key if isinstance(key, tuple) else (key,)
    return ", ".join(
        f"{path.rpartition('.')[2]} {value}" for path, value in zip(settings, values, strict=True)
    )


def _legend(target: float | None) -> str:
    if target is None:
        return "No accuracy to reach: this task has none."
    return f"Time to accuracy is the simulated time until {human.score(target)} was first reached."
