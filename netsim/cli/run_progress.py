"""Progress of a run on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

from netsim.reports import formatting


class PlainRunProgress:
    """About twenty lines per run, for log files."""

    def __init__(self, rounds: int, stream: TextIO | None = None) -> None:
        self._every, self._rounds, self._stream = max(1, rounds // 20), rounds, stream or sys.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def show(self, row: Mapping[str, Any]) -> None:
        """Write a line for every n-th round and the last."""
        if row["round"] % self._every == 0 or row["round"] == self._rounds:
            self._stream.write(f"round {row['round']}/{self._rounds}  {describe_row(row)}\n")


class BarRunProgress:
    """A bar with simulated time, accuracy, rounds per second and the time left."""

    def __init__(self, rounds: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("", total=rounds)
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, row: Mapping[str, Any]) -> None:
        """Move the bar to the row's round."""
        pace = row["round"] / max(1e-9, time.perf_counter() - self._began)
        self._bar.update(
            self._task, completed=row["round"], description=f"{describe_row(row)}  {pace:.1f} rounds/s"
        )


def combine_listeners(*listeners: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], None]:
    """Return a listener that passes each row to all listeners."""

    def listen(row: Mapping[str, Any]) -> None:
        for listener in listeners:
            listener(row)

    return listen


def describe_row(row: Mapping[str, Any]) -> str:
    """Return a row of the rounds table as text."""
    metrics = [f"{name} {row[name]:.4f}" for name in ("accuracy", "loss") if not math.isnan(row[name])]
    return "  ".join([f"simulated {formatting.seconds(row['sim_time_s'])}", *metrics])


def run_progress(rounds: int) -> PlainRunProgress | BarRunProgress:
    """Return the display for stderr: a bar on a terminal, else plain lines."""
    return BarRunProgress(rounds) if sys.stderr.isatty() else PlainRunProgress(rounds)
