"""Training curves for TensorBoard, written with tensorboardX (the extra `tensorboard`)."""

from __future__ import annotations

import math
from pathlib import Path

from netsim.exports.missing_extra import MissingExtraError
from netsim.results.result import Result


def write_tensorboard_log(result: Result, out: Path) -> Path:
    """Write every column of the rounds table as a scalar over global rounds into the log folder `out`; return its path.

    The wall time of an event is the simulated time, so that TensorBoard's axis "relative" shows simulated time.
    Raises MissingExtraError without tensorboardX.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise MissingExtraError("a TensorBoard log", "tensorboardX", "tensorboard") from None
    rounds = result.rounds
    writer = SummaryWriter(logdir=str(out))
    for row in rounds.to_dict("records"):
        for name, value in row.items():
            if name != "round" and math.isfinite(value):
                writer.add_scalar(
                    _tag(str(name)), value, int(row["round"]), walltime=float(row["sim_time_s"])
                )
    writer.close()
    return out.absolute()


def _tag(name: str) -> str:
    """The tag of a column with its group: `bits/bits_up_1`."""
    group = next(
        (stem for stem in ("wire_bits", "bits", "energy", "path") if name.startswith(stem)), "learning"
    )
    return f"{group}/{name}"
