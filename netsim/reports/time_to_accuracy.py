"""Tables of what accuracies cost: simulated time, bits and joules until each of a few targets was reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netsim.reports import formatting
from netsim.reports.metrics_at import targets
from netsim.reports.page_parts import Table
from netsim.reports.settings import Setting, spendable

_COLUMNS = 6
_SPENT: dict[str, tuple[str, Callable[[float], str]]] = {
    "sim_time_s": ("Time to accuracy", formatting.seconds),
    "bits": ("Bits to accuracy", formatting.bits),
    "energy_j": ("Energy to accuracy", formatting.joules),
}


def reaching_tables(settings: Sequence[Setting], target: float) -> list[Table]:
    """Simulated time, payload bits (all layers, both ways) and energy to accuracies; means over seeds."""
    levels = _levels(settings, target)
    if not levels:
        return []
    known = [name for name in _SPENT if name in spendable(settings)]
    return [_table(settings, levels, name) for name in known]


def _levels(settings: Sequence[Setting], target: float) -> list[float]:
    """A handful of the slider's targets, from the higher half of them, and the preset one."""
    known = targets(settings, target)
    upper = known[len(known) // 2 :]
    kept = (
        {upper[round(k)] for k in np.linspace(0, len(upper) - 1, min(_COLUMNS, len(upper)))}
        if upper
        else set()
    )
    return sorted(kept | ({target} if target in known else set()))


def _table(settings: Sequence[Setting], levels: Sequence[float], name: str) -> Table:
    title, say = _SPENT[name]
    rows = [[setting.label, *(_cell(setting, level, name, say) for level in levels)] for setting in settings]
    caption = f"{title}; means over seeds, in brackets how many reached it if not all did"
    return Table(caption, ["", *map(formatting.score, levels)], rows)


def _cell(setting: Setting, level: float, name: str, say: Callable[[float], str]) -> str:
    spent = setting.until(level, name)
    reached = spent[~np.isnan(spent)]
    if not len(reached):
        return "-"
    text = say(float(reached.mean()))
    return text if len(reached) == len(spent) else f"{text} ({len(reached)} of {len(spent)})"
