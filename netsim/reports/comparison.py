"""The points of a sweep beside one another: accuracy over what it costs, and what each setting needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.reports import formatting
from netsim.reports.accuracy_bands import LEGIBLE, SAYS, curve_chooser, curve_figures, part_chooser
from netsim.reports.axes import layout
from netsim.reports.labels import as_written, lines
from netsim.reports.metrics_at import MetricQuery, accuracy_by_deadline, time_to_target
from netsim.reports.page import page_html, write_page
from netsim.reports.page_parts import Facts, Figure, Part, Section, Table, Trace, Words
from netsim.reports.pareto import front_figures
from netsim.reports.settings import NO_ROUND, Setting, settle, untrained
from netsim.reports.several_runs import table_of_runs
from netsim.reports.sweep_figures import swept_figures
from netsim.reports.time_to_accuracy import reaching_tables
from netsim.results.result import Result
from netsim.results.run_folder import ResultError

if TYPE_CHECKING:
    from pandas import DataFrame

_MOST_DOTS = 60  # settings; more rows than this nobody reads one by one


def write_comparison(points: Path, axes: Sequence[str], name: str, path: Path) -> Path:
    """Write a self-contained page about a points.parquet; `axes` are its columns of settings, seeds apart."""
    return write_page(comparison_html(read_points(points), axes, f"{name}: sweep"), path)


def read_points(points: Path) -> DataFrame:
    """The table of a sweep. Raises ResultError where it is damaged."""
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(points)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ResultError(f"{points} is damaged ({said}); sweep again") from None


def write_several(runs: Sequence[Result], path: Path, target: float | None = None) -> Path:
    """Write a self-contained page about runs side by side; see `table_of_runs` for axes and `target`."""
    table, axes = table_of_runs(runs, target)
    names = list(dict.fromkeys(run.name for run in runs))
    return write_page(comparison_html(table, axes, f"{', '.join(names)}: {len(runs)} runs"), path)


def sweep_axes(points: Path) -> list[str]:
    """The columns of a points.parquet that hold settings, seeds apart. Raises ResultError if it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = list(pq.read_schema(points).names)
        return [n for n in columns[columns.index("point") + 1 : columns.index("round")] if n != "seed"]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ResultError(f"{points} is no table of a sweep ({error}); run the sweep again") from None


def comparison_html(table: DataFrame, axes: Sequence[str], heading: str) -> str:
    """The page about a points table (see `netsim.sweep.tables`), as a string of HTML."""
    return page_html(heading, comparison_sections(table, axes), comparison_opening(table, axes))


def comparison_sections(table: DataFrame, axes: Sequence[str]) -> list[Section]:
    """What the page says below its headline, in order."""
    settings = settle(table, axes)
    target = float(table["target_accuracy"].iloc[0])
    return [
        Section("curves", "How well, for how much", _curves(settings, target)),
        *_asked("deadline", "Before a deadline", settings, axes, accuracy_by_deadline(settings)),
        *_asked("target", "Until a target", settings, axes, time_to_target(settings, target)),
        Section("points", "What each setting needed", _needed(settings, target)),
    ]


def _curves(settings: Sequence[Setting], target: float) -> list[Part]:
    figures = curve_figures(settings, target)
    if not figures:
        return [Words(_NEVER)]
    many = [Words(_MANY)] if len(settings) > LEGIBLE else []
    return [Words(SAYS), curve_chooser(settings), part_chooser(), *many, *figures]


def _asked(
    key: str, title: str, settings: Sequence[Setting], axes: Sequence[str], question: MetricQuery | None
) -> list[Section]:
    """The slider of a question with all figures that it moves; nothing where there is no answer."""
    if question is None:
        return []
    fronts = front_figures(settings) if key == "deadline" else []
    figures = [*fronts, *swept_figures(settings, axes, question)]
    words = [Words(_ASKED[key]), *(_left_out(settings) if key == "deadline" else [])]
    return [Section(key, title, [*words, question.chooser, *figures])] if figures else []


def _left_out(settings: Sequence[Setting]) -> list[Part]:
    """Which settings have nothing to show."""
    names = [setting.label for setting in untrained(settings)]
    more = f" and {len(names) - LEGIBLE} more" if len(names) > LEGIBLE else ""
    return [Words(f"Left out, {NO_ROUND}: {'; '.join(names[:LEGIBLE])}{more}.")] if names else []


def _needed(settings: Sequence[Setting], target: float) -> list[Part]:
    return [
        Words(_says(settings, target)),
        *_dots(settings, target),
        _table(settings),
        *reaching_tables(settings, target),
    ]


def comparison_opening(table: DataFrame, axes: Sequence[str]) -> list[Part]:
    """The page's headline: how many points and seeds, and what was swept."""
    points, seeds = table["point"].nunique(), table["seed"].nunique()
    facts = [("Points", formatting.count(points)), ("Seeds", formatting.count(seeds))]
    target = float(table["target_accuracy"].iloc[0])
    if not math.isnan(target):
        facts.append(("Target accuracy", formatting.score(target)))
    swept = [("Swept", ", ".join(axes))] if axes else []
    return [Facts(facts, large=True), Facts(swept)] if swept else [Facts(facts, large=True)]


def _dots(settings: Sequence[Setting], target: float) -> list[Part]:
    """Time to accuracy by setting: a dot at the mean over seeds, a line from the quickest to the slowest."""
    times = [setting.last["time_to_accuracy_s"].dropna() for setting in settings]
    reached = [(setting, time) for setting, time in zip(settings, times, strict=True) if len(time)]
    if not 2 <= len(reached) <= _MOST_DOTS:
        return []
    scale = formatting.time_scale(max(float(time.max()) for _, time in reached))
    traces: list[Trace] = []
    rows = lines([setting.label for setting, _ in reached])
    for row, (setting, time) in zip(rows, reached, strict=True):
        label = as_written(setting.label)
        low, mean, high = (float(value) / scale.size for value in (time.min(), time.mean(), time.max()))
        seeds = (
            ""
            if len(time) == 1
            else f", {formatting.digits(low)} to {formatting.digits(high)} over {len(time)} seeds"
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
                "hovertemplate": f"{label}: {formatting.digits(mean)} {scale.unit}{seeds}<extra></extra>",
            }
        )  # fmt: skip
    height = 8 + 16 * max(row.count("<br>") + 1 for row in rows)
    frame = layout(90 + height * len(reached), f"Simulated time ({scale.unit})")
    frame["yaxis"] |= {"autorange": "reversed", "type": "category"}
    frame["xaxis"]["rangemode"] = "tozero"
    slowest = max(reached, key=lambda pair: float(pair[1].mean()))
    quickest = min(reached, key=lambda pair: float(pair[1].mean()))
    says = (
        f"Mean simulated time until accuracy {formatting.score(target)}: shortest with {quickest[0].label} "
        f"({formatting.seconds(float(quickest[1].mean()))}), longest with {slowest[0].label} "
        f"({formatting.seconds(float(slowest[1].mean()))})."
    )
    return [Figure("times", "Time to accuracy", says, traces, frame)]


def _table(settings: Sequence[Setting]) -> Table:
    heads = ["", "Runs", "Final accuracy", "Simulated time", "Time to accuracy", "Payload up", "Payload"]
    rows = [_row(setting) for setting in settings]
    if any("energy_j" in setting.rows.columns for setting in settings):
        heads.append("Energy")
        rows = [[*row, _energy(setting.last)] for row, setting in zip(rows, settings, strict=True)]
    return Table("Means over seeds; ± is the standard deviation", heads, rows)


def _row(setting: Setting) -> list[str]:
    last = setting.last
    up = last[[name for name in last.columns if name.startswith("bits_up_")]].sum(axis=1)
    bits = [formatting.bits(float(up.mean())), formatting.bits(float(last["bits"].mean()))]
    return [setting.label, str(len(last)), *_ends(setting), _to_accuracy(last), *bits]


def _ends(setting: Setting) -> list[str]:
    """Final accuracy and simulated time, over the runs that completed a round."""
    last = setting.last[setting.last["round"] > 0]
    if not len(last):
        return [NO_ROUND, "-"]
    spread = last["accuracy"].std()
    accuracy = formatting.score(float(last["accuracy"].mean())) if last["accuracy"].notna().any() else "-"
    if spread == spread:
        accuracy += f" ± {formatting.digits(float(spread), 2)}"
    if len(last) < len(setting.last):
        accuracy += f" ({len(last)} of {len(setting.last)} runs, else {NO_ROUND})"
    return [accuracy, formatting.seconds(float(last["sim_time_s"].mean()))]


def _energy(last: DataFrame) -> str:
    spent = last["energy_j"].dropna()
    return formatting.joules(float(spent.mean())) if len(spent) else "-"


def _to_accuracy(last: DataFrame) -> str:
    reached = last["time_to_accuracy_s"].dropna()
    if not len(reached):
        return "not reached"
    told = formatting.seconds(float(reached.mean()))
    return told if len(reached) == len(last) else f"{told} ({len(reached)} of {len(last)} runs)"


def _says(settings: Sequence[Setting], target: float) -> str:
    if not any(setting.runs for setting in settings):
        return "No accuracy to reach: none was evaluated."
    if math.isnan(target):
        return _NO_TARGET
    return (
        f"Time to accuracy is the simulated time until {formatting.score(target)} was first reached: a dot for the mean "
        "over seeds, a line from the quickest to the slowest."
    )


_MANY = "There are more settings than a legend can name: point at a curve to read its setting."
_NO_TARGET = (
    "No target accuracy could be chosen: after the rounds that were completed no model was better than one before "
    "its training. `--accuracy` names a target."
)
_NEVER = "No model was evaluated twice, so there is no curve to draw."
_ASKED = {
    "deadline": (
        "Training stops at the deadline. Counted is the last model that was complete by then; a run that "
        "had ended before keeps its last. A setting is drawn once all its seeds have a model to count. Move the "
        "slider to move every figure of this section."
    ),
    "target": (
        "Training stops when the target accuracy is first reached. A setting is drawn only where each of its "
        "seeds reached it. Move the slider to move every figure of this section."
    ),
}
