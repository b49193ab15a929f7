"""The page that compares the points of a sweep, or several runs: accuracy against cost, cost to reach a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.reports import formatting
from netsim.reports.accuracy_bands import (
    CURVES_CAPTION,
    MAX_LEGEND_ENTRIES,
    curve_chooser,
    metric_figures,
    range_chooser,
)
from netsim.reports.axes import base_layout
from netsim.reports.labels import escape_plotly_text, multiline_labels
from netsim.reports.metrics_at import MetricQuery, accuracy_by_deadline, time_to_target
from netsim.reports.page import render_page, write_page
from netsim.reports.page_parts import Figure, KeyValues, PagePart, Paragraph, Section, Table, Trace
from netsim.reports.pareto import pareto_figures
from netsim.reports.settings import NO_ROUND, Setting, group_settings, untrained_settings
from netsim.reports.several_runs import table_of_runs
from netsim.reports.sweep_figures import figures_of_sweep
from netsim.reports.target_tables import cost_to_accuracy_tables
from netsim.results.result import Result
from netsim.results.run_folder import ResultError

if TYPE_CHECKING:
    from pandas import DataFrame

_MAX_DOTS = 60  # settings in the dot plot of times


def write_comparison(points: Path, axes: Sequence[str], name: str, path: Path) -> Path:
    """Write a self-contained page about a points.parquet; `axes` are its columns of swept values without the seed."""
    return write_page(render_comparison(read_points(points), axes, f"{name}: sweep"), path)


def read_points(points: Path) -> DataFrame:
    """Read the points table of a sweep. Raises ResultError if it is damaged."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(points)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ResultError(f"{points} is damaged ({reason}); run the sweep again") from None


def write_several(runs: Sequence[Result], path: Path, target: float | None = None) -> Path:
    """Write a self-contained page that compares runs; see `table_of_runs` for the axes and `target`."""
    table, axes = table_of_runs(runs, target)
    names = list(dict.fromkeys(run.name for run in runs))
    return write_page(render_comparison(table, axes, f"{', '.join(names)}: {len(runs)} runs"), path)


def sweep_axes(points: Path) -> list[str]:
    """The columns of a points.parquet with swept values, without the seed. Raises ResultError for another file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = list(pq.read_schema(points).names)
        return [n for n in columns[columns.index("point") + 1 : columns.index("round")] if n != "seed"]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultError(f"{points} is not the table of a sweep ({error}); run the sweep again") from None


def render_comparison(table: DataFrame, axes: Sequence[str], heading: str) -> str:
    """The page about a points table (see `netsim.sweep.tables`) as HTML."""
    return render_page(heading, comparison_sections(table, axes), comparison_opening(table, axes))


def comparison_sections(table: DataFrame, axes: Sequence[str]) -> list[Section]:
    """The sections of the page in order."""
    settings = group_settings(table, axes)
    target = float(table["target_accuracy"].iloc[0])
    return [
        Section("curves", "Accuracy and loss against cost", _curves(settings, target)),
        *_query_section("deadline", "Results at a deadline", settings, axes, accuracy_by_deadline(settings)),
        *_query_section(
            "target", "Cost to reach a target accuracy", settings, axes, time_to_target(settings, target)
        ),
        Section("points", "Results by setting", _results(settings, target)),
    ]


def _curves(settings: Sequence[Setting], target: float) -> list[PagePart]:
    figures = metric_figures(settings, target)
    if not figures:
        return [Paragraph(_NO_CURVE)]
    hint = [Paragraph(_MANY_SETTINGS)] if len(settings) > MAX_LEGEND_ENTRIES else []
    return [Paragraph(CURVES_CAPTION), curve_chooser(settings), range_chooser(), *hint, *figures]


def _query_section(
    key: str, title: str, settings: Sequence[Setting], axes: Sequence[str], query: MetricQuery | None
) -> list[Section]:
    """The section of a slider and the figures that it changes; empty without a figure."""
    if query is None:
        return []
    pareto = pareto_figures(settings) if key == "deadline" else []
    figures = [*pareto, *figures_of_sweep(settings, axes, query)]
    texts = [Paragraph(_QUERY_TEXTS[key]), *(_untrained(settings) if key == "deadline" else [])]
    return [Section(key, title, [*texts, query.chooser, *figures])] if figures else []


def _untrained(settings: Sequence[Setting]) -> list[PagePart]:
    """A paragraph that lists the settings without a completed round."""
    names = [setting.label for setting in untrained_settings(settings)]
    more = f" and {len(names) - MAX_LEGEND_ENTRIES} more" if len(names) > MAX_LEGEND_ENTRIES else ""
    return (
        [Paragraph(f"Not shown ({NO_ROUND}): {'; '.join(names[:MAX_LEGEND_ENTRIES])}{more}.")]
        if names
        else []
    )


def _results(settings: Sequence[Setting], target: float) -> list[PagePart]:
    return [
        Paragraph(_description(settings, target)),
        *_dots(settings, target),
        _table(settings),
        *cost_to_accuracy_tables(settings, target),
    ]


def comparison_opening(table: DataFrame, axes: Sequence[str]) -> list[PagePart]:
    """The headline of the page: numbers of points and seeds, target accuracy, swept keys."""
    points, seeds = table["point"].nunique(), table["seed"].nunique()
    headline = [("Points", formatting.count(points)), ("Seeds", formatting.count(seeds))]
    target = float(table["target_accuracy"].iloc[0])
    if not math.isnan(target):
        headline.append(("Target accuracy", formatting.accuracy(target)))
    keys = [("Swept", ", ".join(axes))] if axes else []
    return [KeyValues(headline, large=True), *([KeyValues(keys)] if keys else [])]


def _dots(settings: Sequence[Setting], target: float) -> list[PagePart]:
    """Time to accuracy by setting: a dot at the mean over seeds, a line over the range of the seeds."""
    times = [setting.last_rows["time_to_accuracy_s"].dropna() for setting in settings]
    reached = [(setting, time) for setting, time in zip(settings, times, strict=True) if len(time)]
    if not 2 <= len(reached) <= _MAX_DOTS:
        return []
    scale = formatting.time_scale(max(float(time.max()) for _, time in reached))
    traces: list[Trace] = []
    rows = multiline_labels([setting.label for setting, _ in reached])
    for row, (setting, time) in zip(rows, reached, strict=True):
        label = escape_plotly_text(setting.label)
        low, mean, high = (float(value) / scale.size for value in (time.min(), time.mean(), time.max()))
        seeds = (
            ""
            if len(time) == 1
            else f", {formatting.number(low)} to {formatting.number(high)} over {len(time)} seeds"
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [mean],
                "y": [row],
                "marker": {"color": setting.colour, "size": 10},
                "error_x": {
                    "type": "data", "symmetric": False, "array": [high - mean], "arrayminus": [mean - low],
                    "color": setting.colour, "thickness": 2, "width": 4,
                },
                "hovertemplate": f"{label}: {formatting.number(mean)} {scale.unit}{seeds}<extra></extra>",
            }
        )  # fmt: skip
    height = 8 + 16 * max(row.count("<br>") + 1 for row in rows)
    layout = base_layout(90 + height * len(reached), f"Simulated time ({scale.unit})")
    layout["yaxis"] |= {"autorange": "reversed", "type": "category"}
    layout["xaxis"]["rangemode"] = "tozero"
    slowest = max(reached, key=lambda pair: float(pair[1].mean()))
    quickest = min(reached, key=lambda pair: float(pair[1].mean()))
    description = (
        f"Mean simulated time until accuracy {formatting.accuracy(target)}: shortest with {quickest[0].label} "
        f"({formatting.seconds(float(quickest[1].mean()))}), longest with {slowest[0].label} "
        f"({formatting.seconds(float(slowest[1].mean()))})."
    )
    return [Figure("times", "Time to accuracy", description, traces, layout)]


def _table(settings: Sequence[Setting]) -> Table:
    header = ["", "Runs", "Final accuracy", "Simulated time", "Time to accuracy", "Payload up", "Payload"]
    rows = [_row(setting) for setting in settings]
    if any("energy_j" in setting.rows.columns for setting in settings):
        header.append("Energy")
        rows = [[*row, _energy(setting.last_rows)] for row, setting in zip(rows, settings, strict=True)]
    return Table("Means over seeds; ± is the standard deviation", header, rows)


def _row(setting: Setting) -> list[str]:
    last = setting.last_rows
    up = last[[name for name in last.columns if name.startswith("bits_up_")]].sum(axis=1)
    bits = [formatting.bits(float(up.mean())), formatting.bits(float(last["bits"].mean()))]
    return [setting.label, str(len(last)), *_ends(setting), _to_accuracy(last), *bits]


def _ends(setting: Setting) -> list[str]:
    """Final accuracy and simulated time, over the runs that completed a round."""
    last = setting.last_rows[setting.last_rows["round"] > 0]
    if not len(last):
        return [NO_ROUND, "-"]
    spread = last["accuracy"].std()
    accuracy = formatting.accuracy(float(last["accuracy"].mean())) if last["accuracy"].notna().any() else "-"
    if spread == spread:
        accuracy += f" ± {formatting.number(float(spread), 2)}"
    if len(last) < len(setting.last_rows):
        accuracy += f" ({len(last)} of {len(setting.last_rows)} runs, else {NO_ROUND})"
    return [accuracy, formatting.seconds(float(last["sim_time_s"].mean()))]


def _energy(last: DataFrame) -> str:
    energy = last["energy_j"].dropna()
    return formatting.joules(float(energy.mean())) if len(energy) else "-"


def _to_accuracy(last: DataFrame) -> str:
    reached = last["time_to_accuracy_s"].dropna()
    if not len(reached):
        return "not reached"
    text = formatting.seconds(float(reached.mean()))
    return text if len(reached) == len(last) else f"{text} ({len(reached)} of {len(last)} runs)"


def _description(settings: Sequence[Setting], target: float) -> str:
    if not any(setting.runs for setting in settings):
        return "Accuracy was not evaluated."
    if math.isnan(target):
        return _NO_TARGET
    return (
        f"Time to accuracy is the simulated time until {formatting.accuracy(target)} was first reached: "
        "the dot is the mean over seeds, the line covers the range from the fastest to the slowest seed."
    )


_MANY_SETTINGS = "There are too many settings for a legend. Hover over a curve to see its setting."
_NO_TARGET = (
    "No target accuracy could be chosen: no trained model was more accurate than an initial model. "
    "Set a target with `--accuracy`."
)
_NO_CURVE = "There is no curve: no run has two evaluations."
_QUERY_TEXTS = {
    "deadline": (
        "Training stops at the deadline. The result of a run is its last model that was evaluated by the deadline. A "
        "setting is shown if all its seeds have such a model. The slider changes all figures of this section."
    ),
    "target": (
        "Training stops when the target accuracy is first reached. A setting is shown if all its seeds reach the "
        "target. The slider changes all figures of this section."
    ),
}
