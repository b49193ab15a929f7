"""Runs that the dashboard has started: processes of `netsim run`, what they said, and how they are stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from netsim.dashboard.address import DashboardError
from netsim.results.live_feed import key_of
from netsim.scenario import digest, load_text, resolved

FOLDER = ".dashboard"
"""Below the folder of results: the scenarios that were launched, and what their runs said."""
MOST = 4
"""Runs at a time."""
GRACE_S = 10.0
"""How long an interrupted run may take to keep what it has."""
Ending = Literal["running", "stopping", "finished", "cancelled", "failed"]


@dataclass
class Job:
    """A run that was started here; `key` is that of its live file."""

    key: str
    name: str
    scenario: str
    """Digest of the scenario."""
    process: subprocess.Popen[bytes]
    log: Path
    cancelled: bool = False

    @property
    def state(self) -> Ending:
        """How it stands."""
        code = self.process.poll()
        if code is None:
            return "stopping" if self.cancelled else "running"
        if code == 0:
            return "finished"
        return "cancelled" if self.cancelled else "failed"

    @property
    def said(self) -> str:
        """The end of what it wrote."""
        try:
            text = self.log.read_bytes()[-4000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-30:])

    def cancel(self, grace_s: float = GRACE_S) -> None:
        """Interrupt it, so that it keeps what it has; terminate it where it has not ended after the grace."""
        if self.process.poll() is not None or self.cancelled:
            return
        self.cancelled = True
        self.process.send_signal(signal.SIGINT)
        late = threading.Timer(grace_s, self._terminate)
        late.daemon = True
        late.start()

    def _terminate(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()


@dataclass
class Jobs:
    """The runs that were started below a folder of results, by key; the latest of each scenario."""

    out: Path
    known: dict[str, Job] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def start(self, text: str, beside: Path | None = None) -> Job:
        """Launch the scenario of a YAML text. Raises ScenarioError for a wrong one, DashboardError for one too many."""
        scenario = load_text(text, beside=beside)
        name = digest(scenario)
        key = key_of(scenario.name, name)
        with self._one_at_a_time:
            running = [job for job in self.known.values() if job.process.poll() is None]
            if any(job.key == key for job in running):
                raise DashboardError("this very scenario is running already; change it, or follow that run")
            if len(running) >= MOST:
                raise DashboardError(f"{MOST} runs are under way; cancel one, or wait until one is done")
            file = self._kept(text, key, beside)
            self.known[key] = Job(key, scenario.name, name, *self._launched(file))
        return self.known[key]

    def stop(self) -> int:
        """Interrupt all, wait until they have ended, and return how many there were."""
        running = [job for job in self.known.values() if job.process.poll() is None]
        for job in running:
            job.cancel()
        for job in running:
            job.process.wait()
        return len(running)

    def _kept(self, text: str, key: str, beside: Path | None) -> Path:
        """The scenario as a file of the dashboard's own: as written, or resolved where its files lie elsewhere."""
        folder = self.out / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{key}.yaml"
            file.write_text(text if beside is None else _movable(text, beside), encoding="utf-8")
        except OSError as error:
            raise DashboardError(
                f"{folder} cannot be written: {error.strerror}; free it, or some space"
            ) from None
        return file

    def _launched(self, file: Path) -> tuple[subprocess.Popen[bytes], Path]:
        log = file.with_suffix(".log")
        command = [
            sys.executable,
            "-m",
            "netsim",
            "run",
            str(file.absolute()),
            "--out",
            str(self.out.absolute()),
        ]
        with log.open("wb") as said:
            process = subprocess.Popen(
                [*command, "--checkpoint", "5 s"], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        return process, log


def _movable(text: str, beside: Path) -> str:
    """The text where it means the same in any folder, else the scenario with all its files named or inside."""
    from netsim.scenario import ScenarioError

    here = load_text(text, beside=beside)
    try:
        return text if digest(load_text(text)) == digest(here) else resolved(here)
    except ScenarioError:
        return resolved(here)
