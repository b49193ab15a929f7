"""Runs started by the dashboard: processes of `netsim run`, their output, and their termination."""

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
"""Subfolder of the results with the started scenarios and the output of their runs."""
MAX_RUNNING = 4
"""Maximum number of simultaneous runs."""
GRACE_S = 10.0
"""Seconds that an interrupted run has to save its results before it is terminated."""
JobState = Literal["running", "stopping", "finished", "cancelled", "failed"]


@dataclass
class Job:
    """A run that the dashboard started; `key` is the key of its live file."""

    key: str
    name: str
    scenario: str
    """Digest of the scenario."""
    process: subprocess.Popen[bytes]
    log: Path
    cancelled: bool = False

    @property
    def state(self) -> JobState:
        """The state of the process."""
        code = self.process.poll()
        if code is None:
            return "stopping" if self.cancelled else "running"
        if code == 0:
            return "finished"
        return "cancelled" if self.cancelled else "failed"

    @property
    def output(self) -> str:
        """The last 30 lines of its output."""
        try:
            text = self.log.read_bytes()[-4000:].decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-30:])

    def cancel(self, grace_s: float = GRACE_S) -> None:
        """Interrupt the run, which then saves its results; terminate it if it has not ended after `grace_s`."""
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
    """The runs started into a folder of results, by key; the latest run of each scenario."""

    out: Path
    by_key: dict[str, Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, text: str, beside: Path | None = None) -> Job:
        """Start a run of a YAML text; its files are looked up in `beside`.

        Raises ScenarioError for an invalid scenario, DashboardError if it is already running or too many runs are.
        """
        scenario = load_text(text, beside=beside)
        name = digest(scenario)
        key = key_of(scenario.name, name)
        with self._lock:
            running = [job for job in self.by_key.values() if job.process.poll() is None]
            if any(job.key == key for job in running):
                raise DashboardError("this scenario is already running; change it, or open that run")
            if len(running) >= MAX_RUNNING:
                raise DashboardError(f"{MAX_RUNNING} runs are active; cancel one, or wait until one ends")
            file = self._save_scenario(text, key, beside)
            self.by_key[key] = Job(key, scenario.name, name, *self._spawn(file))
        return self.by_key[key]

    def stop(self) -> int:
        """Interrupt all active runs, wait until they have ended, and return their number."""
        running = [job for job in self.by_key.values() if job.process.poll() is None]
        for job in running:
            job.cancel()
        for job in running:
            job.process.wait()
        return len(running)

    def _save_scenario(self, text: str, key: str, beside: Path | None) -> Path:
        """Save the scenario in the dashboard's subfolder, with its files inlined if they are in another folder."""
        folder = self.out / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{key}.yaml"
            file.write_text(text if beside is None else _portable_text(text, beside), encoding="utf-8")
        except OSError as error:
            raise DashboardError(
                f"{folder} cannot be written: {error.strerror}; check its permissions and the free disk space"
            ) from None
        return file

    def _spawn(self, file: Path) -> tuple[subprocess.Popen[bytes], Path]:
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
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--checkpoint", "5 s"], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        return process, log


def _portable_text(text: str, beside: Path) -> str:
    """The text if it has the same digest in every folder, else the resolved scenario."""
    from netsim.scenario import ScenarioError

    scenario = load_text(text, beside=beside)
    try:
        return text if digest(load_text(text)) == digest(scenario) else resolved(scenario)
    except ScenarioError:
        return resolved(scenario)
