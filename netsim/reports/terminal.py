"""Terminal output of a run: a table of its rounds and a summary."""

from __future__ import annotations

import math
from collections.abc import Callable

from netsim.reports import formatting
from netsim.reports.axes import column, cumulative_payload_bits, thin
from netsim.results.result import Result


def rounds_table(result: Result, rows: int = 12) -> list[str]:
    """Lines of an aligned table: a header and at most `rows` rounds, including the first and the last."""
    indices = thin(len(result.rounds), rows).tolist() if len(result.rounds) else []
    table, up, down = (
        result.rounds,
        cumulative_payload_bits(result, "up"),
        cumulative_payload_bits(result, "down"),
    )
    cells: list[tuple[str, ...]] = [("round", "time", "accuracy", "loss", "up", "down")]
    for row in indices:
        number, time_s, accuracy, loss = (float(column(table, name)[row]) for name in _COLUMNS)
        when = formatting.count(int(number)), formatting.seconds(time_s)
        sent = formatting.bits(up[row]), formatting.bits(down[row])
        cells.append((*when, _metric(accuracy, formatting.accuracy), _metric(loss, formatting.number), *sent))
    widths = [max(map(len, texts)) for texts in zip(*cells, strict=True)]
    pairs = [zip(line, widths, strict=True) for line in cells]
    return ["  ".join(text.rjust(width) for text, width in pair) for pair in pairs]


def summary_lines(result: Result, deadline_s: float | None = None) -> list[str]:
    """Lines with the outcome, simulated time and bits of a run, the reason why it stopped, and the bits of each layer.

    `deadline_s` is the scenario's deadline; it is printed if no round finished before it.
    """
    up, down = result.bits("up"), result.bits("down")
    rounds = f"{formatting.count(result.finished_rounds)} round{'s' if result.finished_rounds != 1 else ''}"
    layers = [f"layer {n}: {_sent(*bits)}" for n, bits in enumerate(zip(up, down, strict=True), 1)]
    lasted = f" after {formatting.seconds(result.sim_time_s)} simulated" if result.finished_rounds else ""
    return [
        f"{_outcome(result, deadline_s)}{lasted}, {_sent(sum(up), sum(down))}",
        f"{rounds}, stopped by {formatting.stop_reason(result.manifest['stopped_by'])}",
        *layers,
        *_energy(result),
        *_rejected(result),
    ]


def _energy(result: Result) -> list[str]:
    energy = result.manifest.get("totals", {}).get("energy_j")
    return [] if energy is None else [f"energy: {formatting.joules(float(energy))}"]


def _rejected(result: Result) -> list[str]:
    """A line with the number of rejected updates, if there were any."""
    counts = result.rounds["rejected"].dropna().tolist() if "rejected" in result.rounds else []
    return (
        [f"rejected: {formatting.count(int(counts[-1]))} updates with nan or inf"]
        if counts and counts[-1]
        else []
    )


def _sent(up: float, down: float) -> str:
    return f"{formatting.bits(up)} up, {formatting.bits(down)} down"


def _outcome(result: Result, deadline_s: float | None) -> str:
    if not result.finished_rounds:
        if deadline_s is not None and result.manifest["stopped_by"] == "deadline":
            return f"no round fits before the deadline of {formatting.seconds(deadline_s)}"
        return "no round finished"
    if accuracy := result.last("accuracy"):
        return f"accuracy {formatting.accuracy(accuracy.value)}"
    if loss := result.last("loss"):
        return f"loss {formatting.number(loss.value)}"
    return "nothing evaluated"


def _metric(value: float, write: Callable[[float], str]) -> str:
    return "-" if math.isnan(value) else write(value)


_COLUMNS = ("round", "sim_time_s", "accuracy", "loss")
