"""`make papers`: run every claim of scenarios/papers in full, write its table and figure into docs/results.md.

python -m tests.papers.make [claim ...] [--dry-run]: prints the cost first. If stopped, the same command resumes:
finished points are kept in runs/, unfinished ones resume from the last checkpoint in the ledger.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.papers import admm, bias, layers, signs
from tests.papers.figure_files import write_png
from tests.papers.points import read_points
from tests.papers.sections import Reader, replace_section

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "results.md"
FIGURES = REPOSITORY / "docs" / "images" / "figures"
SCENARIOS = REPOSITORY / "scenarios" / "papers"


class Claim(NamedTuple):
    """A scenario below scenarios/papers, the CPU time of its sweep, and the function that writes its section."""

    name: str
    minutes: float
    """CPU-minutes on one core of the machine of docs/results.md."""
    read: Reader


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the cost, run the sweeps, write the page; returns the exit code of the first failing sweep."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.papers.make", description="Run the papers' claims in full."
    )
    parser.add_argument(
        "claims", nargs="*", help=f"some of {', '.join(claim.name for claim in CLAIMS)}; default: all"
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "runs", help="folder of runs and ledger")
    parser.add_argument("--workers", type=int, default=1, help="points side by side")
    parser.add_argument("--dry-run", action="store_true", help="print the cost and stop")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.claims) - {claim.name for claim in CLAIMS})
    if unknown:
        parser.error(f"no claim {unknown[0]!r}; choose from {', '.join(claim.name for claim in CLAIMS)}")
    selected = [claim for claim in CLAIMS if not options.claims or claim.name in options.claims]
    sys.stdout.write(costs(selected, options.out))
    sys.stdout.flush()
    if options.dry_run:
        return 0
    for claim in selected:
        code = sweep(claim, options.out, options.workers)
        if code:
            return code
        write(claim, options.out)
    return 0


def costs(claims: Sequence[Claim], out: Path) -> str:
    """A line per claim: points, finished points, and the CPU-minutes of the others."""
    from netsim.scenario import digest, load
    from netsim.sweep import points_of

    lines, total = ["claim                   points    done   CPU-minutes to go\n"], 0.0
    for claim in claims:
        file = str(SCENARIOS / f"{claim.name}.yaml")
        required = {digest(point.load()) for point in points_of(file, [], load(file))}
        finished = {
            json.loads(path.read_text())["scenario_digest"]
            for path in (out / claim.name).glob("*/manifest.json")
        }
        points, done = len(required), len(required & finished)
        minutes = claim.minutes * (points - done) / points
        total += minutes
        lines.append(f"{claim.name:<22}{points:>8}{done:>8}{minutes:>20.1f}\n")
    return "".join(lines) + f"together about {total:.0f} CPU-minutes on one core, at most 1.2 GB of memory\n"


def sweep(claim: Claim, out: Path, workers: int) -> int:
    """`netsim sweep` of the claim's scenario; its exit code."""
    command = [sys.executable, "-m", "netsim", "sweep", str(SCENARIOS / f"{claim.name}.yaml")]
    command += ["--out", str(out), "--workers", str(workers), "--device", "cpu"]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode


def write(claim: Claim, out: Path) -> None:
    """Write the table, figure and verdict of the claim between its markers."""
    section = claim.read(read_points(out, claim.name))
    write_png(section.figure, FIGURES / f"{claim.name}.png")
    picture = f"![{claim.name}](images/figures/{claim.name}.png)"
    text = f"{section.table}\n\n{section.verdict}\n\n{picture}"
    PAGE.write_text(replace_section(PAGE.read_text(), claim.name, text))


CLAIMS = (
    Claim("signs_mnist", 6, signs.against_full),
    Claim("signs_cifar10", 10, signs.against_full),
    Claim("signs_downlink", 6, signs.downlink),
    Claim("floor_mnist", 2, signs.floor),
    Claim("floor_quadratic", 4, signs.floor_quadratic),
    Claim("layers_mnist", 3, layers.depths),
    Claim("quantizers_cifar10", 7, layers.levels),
    Claim("quantizers_quadratic", 3, layers.one_link),
    Claim("threshold_quadratic", 4, layers.threshold),
    Claim("bias_mnist", 2, bias.accuracies),
    Claim("bias_quadratic", 4, bias.losses),
    Claim("admm_mnist", 3, admm.equal_bits),
)

if __name__ == "__main__":
    sys.exit(main())
