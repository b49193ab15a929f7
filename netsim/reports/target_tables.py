"""Tables of the cost to reach several target accuracies: simulated time, bits and energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netsim.reports import formatting
from netsim.reports.metrics_at import target_levels
from netsim.reports.page_parts import Table
from netsim.reports.settings import Setting, cost_columns

_TARGETS = 6
_COSTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "sim_time_s": ("Time to accuracy", formatting.seconds),
    "bits": ("Bits to accuracy", formatting.bits),
    "energy_j": ("Energy to accuracy", formatting.joules),
}


def cost_to_accuracy_tables(settings: Sequence[Setting], target: float) -> list[Table]:
    """Simulated time, payload bits (all layers, both directions) and energy to target accuracies; means over seeds."""
    levels = _levels(settings, target)
    if not levels:
        return []
    available = [name for name in _COSTS if name in cost_columns(settings)]
    return [_table(settings, levels, name) for name in available]


def _levels(settings: Sequence[Setting], target: float) -> list[float]:
    """A few of the slider's targets from their upper half, and the preset target."""
    available = target_levels(settings, target)
    upper = available[len(available) // 2 :]
    selected = (
        {upper[round(k)] for k in np.linspace(0, len(upper) - 1, min(_TARGETS, len(upper)))}
        if upper
        else set()
    )
    return sorted(selected | ({target} if target in available else set()))


def _table(settings: Sequence[Setting], levels: Sequence[float], name: str) -> Table:
    title, format_value = _COSTS[name]
    rows = [
        [setting.label, *(_cell(setting, level, name, format_value) for level in levels)]
        for setting in settings
    ]
    caption = f"{title}; means over the seeds that reached it, with their number if not all did"
    return Table(caption, ["", *map(formatting.accuracy, levels)], rows)


def _cell(setting: Setting, level: float, name: str, format_value: Callable[[float], str]) -> str:
    costs = setting.cost_to_reach(level, name)
    reached = costs[~np.isnan(costs)]
    if not len(reached):
        return "-"
    text = format_value(float(reached.mean()))
    return text if len(reached) == len(costs) else f"{text} ({len(reached)} of {len(costs)})"
