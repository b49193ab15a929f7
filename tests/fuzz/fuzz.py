"""Coverage-guided fuzzing of the loaders, by hand: `python tests/fuzz/fuzz.py SECONDS [TARGET ...]`.

Needs atheris (`pip install atheris`; CPython 3.11 to 3.13 on Linux). Each target runs in a new process for its
share of the time, starting from its valid files; an input that ends in anything but the loader's own error, or takes more than
ten seconds or 2 GB, is written to `fuzz-findings/` and reported. Prints a markdown table; exits with 1 on a finding.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
FINDINGS = Path("fuzz-findings")
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1", "-verbosity=1")
INSTRUMENTED = [
    "netsim.topology.files", "netsim.topology.attributes", "netsim.topology.graph", "netsim.topology.tree", "netsim.units",
    "netsim.network.traces.file_formats", "netsim.network.traces.rate_curves", "netsim.devices.speed_traces", "netsim.scenario", "netsim.results.run_folder",
    "netsim.results.result", "netsim.planner.constants", "learning.datasets", "learning.store.checkpoints", "learning.store.ledger",
    "json", "csv", "zipfile", "tarfile", "gzip", "ruamel.yaml", "networkx.readwrite",
]  # fmt: skip
"""Modules whose branch coverage guides the search."""


def main(arguments: list[str]) -> int:
    """Run every target, or those named."""
    sys.path.insert(0, str(HERE.parents[2]))
    from tests.fuzz.targets import TARGETS

    seconds, names = float(arguments[0]), arguments[1:] or list(TARGETS)
    share = max(5, int(seconds / len(names)))
    sys.stdout.write("| target | seconds | executions | covered | findings |\n|---|---|---|---|---|\n")
    found = 0
    for name in names:
        start_s = time.monotonic()
        output, failures = fuzz(name, share)
        runs, edges = last(r"stat::number_of_executed_units: (\d+)", output), last(r"cov: (\d+)", output)
        seconds_used = time.monotonic() - start_s
        sys.stdout.write(
            f"| {name} | {seconds_used:.0f} | {runs} | {edges} | {', '.join(failures) or 'none'} |\n"
        )
        sys.stdout.flush()
        found += len(failures)
    return min(found, 1)


def fuzz(name: str, seconds: int) -> tuple[str, list[str]]:
    """Run one target in a new process; returns the output of libFuzzer and the files it wrote."""
    FINDINGS.mkdir(exist_ok=True)
    prefix = f"{FINDINGS}/{name}-"
    with tempfile.TemporaryDirectory() as corpus:
        done = subprocess.run(
            [sys.executable, str(HERE), "--one", name, corpus, *LIMITS, f"-artifact_prefix={prefix}", f"-max_total_time={seconds}"],
            capture_output=True, text=True, errors="replace", check=False, timeout=seconds + 300,
        )  # fmt: skip
    failures = sorted(path.name for path in FINDINGS.glob(f"{name}-*"))
    if failures or done.returncode:
        (FINDINGS / f"{name}.log").write_text(done.stderr[-20_000:])
    return done.stderr, failures or ([f"exit {done.returncode}"] if done.returncode else [])


def last(pattern: str, text: str) -> str:
    """The last number that the pattern finds."""
    found = re.findall(pattern, text)
    return found[-1] if found else "?"


def one(name: str, corpus: Path, arguments: list[str]) -> None:
    """In the process of the target: instrument, write the seeds, start fuzzing; does not return."""
    import warnings

    import atheris

    sys.path.insert(0, str(HERE.parents[2]))
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import TARGETS

    warnings.simplefilter("ignore")
    target, folder = (
        TARGETS[name],
        Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)),
    )
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup([sys.argv[0], str(corpus), *arguments], lambda content: target(content, folder) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    sys.exit(main(sys.argv[1:]))
