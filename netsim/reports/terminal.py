"""A run in a terminal: a table of its rounds and the lines with which it ends."""

from __future__ import annotations

import math
from collections.abc import Callable

from netsim.reports import formatting
from netsim.reports.axes import column, payload, thin
from netsim.results.result import Result


def rounds_table(result: Result, rows: int = 12) -> list[str]:
    """Lines of an aligned table: a heading and at most `rows` rounds, the first and the last among them."""
    kept = thin(len(result.rounds), rows).tolist() if len(result.rounds) else []
    frame, up, down = result.rounds, payload(result, "up"), payload(result, "down")
    cells: list[tuple[str, ...]] = [("round", "time", "accuracy", "loss", "up", "down")]
    for row in kept:
        number, time_s, accuracy, loss = (float(column(frame, name)[row]) for name in _COLUMNS)
        when = formatting.count(int(number)), formatting.seconds(time_s)
        sent = formatting.bits(up[row]), formatting.bits(down[row])
        cells.append((*when, _metric(accuracy, formatting.score), _metric(loss, formatting.digits), *sent))
    widths = [max(map(len, texts)) for texts in zip(*cells, strict=True)]
    pairs = [zip(line, widths, strict=True) for line in cells]
    return ["  ".join(text.rjust(width) for text, width in pair) for pair in pairs]


def closing_lines(result: Result, deadline_s: float | None = None) -> list[str]:
    """How it ended, in words: outcome, simulated time and bits; what stopped it; the bits of each layer.

    `deadline_s`: the scenario's, told where not even one round fits before it.
    """
    up, down = result.bits("up"), result.bits("down")
    rounds = f"{formatting.count(result.finished_rounds)} round{'s' if result.finished_rounds != 1 else ''}"
    layers = [f"layer {n}: {_sent(*bits)}" for n, bits in enumerate(zip(up, down, strict=True), 1)]
    lasted = f" after {formatting.seconds(result.sim_time_s)} simulated" if result.finished_rounds else ""
    return [
        f"{_outcome(result, deadline_s)}{lasted}, {_sent(sum(up), sum(down))}",
        f"{rounds}, stopped by {formatting.cause(result.manifest['stopped_by'])}",
        *layers,
        *_energy(result),
        *_rejected(result),
    ]


def _energy(result: Result) -> list[str]:
    spent = result.manifest.get("totals", {}).get("energy_j")
    return [] if spent is None else [f"energy: {formatting.joules(float(spent))}"]


def _rejected(result: Result) -> list[str]:
    """How many answers were left out, where a scenario rejects them and there were any."""
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
        return f"accuracy {formatting.score(accuracy.value)}"
    if loss := result.last("loss"):
        return f"loss {formatting.digits(loss.value)}"
    return "nothing evaluated"


def _metric(value: float, write: Callable[[float], str]) -> str:
    return "-" if math.isnan(value) else write(value)


_COLUMNS = ("round", "sim_time_s", "accuracy", "loss")
