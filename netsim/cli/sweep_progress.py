"""Progress of a sweep on stderr: a bar over its points on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from netsim.sweep import Outcome

LINES = 10
"""Maximum number of plain lines about timelines."""


class PlainSweepProgress:
    """A line per point, after a few lines for the timelines."""

    def __init__(self, points: int, stream: TextIO | None = None) -> None:
        self._points, self._stream = points, stream or sys.stderr
        self._every = max(1, points // LINES)
        self._done = self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def timelines_done(self, done: int, points: int) -> None:
        """See `netsim.sweep.SweepListener`."""
        if done == points or done % self._every == 0:
            self._print(f"timeline {done}/{points}")

    def planned(self, trainings: int, points: int) -> None:
        """See `netsim.sweep.SweepListener`."""
        self._print(describe_plan(trainings, points, self._points))

    def ended(self, outcome: Outcome) -> None:
        """See `netsim.sweep.SweepListener`."""
        self._done += 1
        self._failed += outcome.error is not None
        self._print(f"point {self._done}/{self._points}  {describe_outcome(outcome)}")

    def interrupted(self, folder: Path) -> None:
        """Print what was saved."""
        kept = self._done - self._failed
        self._print(
            f"netsim: interrupted; {kept} of {self._points} points are saved in {folder}, and their values in "
            "the ledger; run the same command again to continue"
        )

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class BarSweepProgress(PlainSweepProgress):
    """A bar over the points; failures and the plan are printed above it."""

    def __init__(self, points: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(points)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
        self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))
        self._task = self._bar.add_task("timelines", total=points)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def timelines_done(self, done: int, points: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done)

    def planned(self, trainings: int, points: int) -> None:
        """Restart the bar, now over finished points."""
        super().planned(trainings, points)
        self._bar.reset(self._task, total=self._points, completed=self._done, description="points")

    def ended(self, outcome: Outcome) -> None:
        """Move the bar; print a line for a failure."""
        self._done += 1
        self._failed += outcome.error is not None
        if outcome.error is not None:
            self._print(f"point {self._done}/{self._points}  {describe_outcome(outcome)}")
        self._bar.update(self._task, completed=self._done, description=describe_outcome(outcome))

    def _print(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False)


def describe_plan(trainings: int, left: int, points: int) -> str:
    """Return the number of runs and trainings of a sweep as text."""
    kept = f"{points - left} of {points} points exist already or cannot run; " if left < points else ""
    noun = "trajectory trains" if trainings == 1 else "trajectories train"
    return f"{kept}{left} to run: {trainings} {noun}, {left - trainings} are re-timed"


def describe_outcome(outcome: Outcome) -> str:
    """Return a point and its outcome as text."""
    end = outcome.how if outcome.error is None else f"failed: {outcome.error}"
    return f"{outcome.point.label}: {end}"


def sweep_progress(points: int) -> PlainSweepProgress:
    """Return the display for stderr: a bar on a terminal, else plain lines."""
    return BarSweepProgress(points) if sys.stderr.isatty() else PlainSweepProgress(points)
