"""Training curves for TensorBoard, through tensorboardX (the extra `tensorboard`)."""

from __future__ import annotations

import math
from pathlib import Path

from netsim.exports.missing_extra import MissingExtraError
from netsim.results.result import Result


def write_tensorboard_log(result: Result, out: Path) -> Path:
    """Write every numeric column of the rounds table as a scalar of the global round into the log folder `out`.

    The wall time of an event is the simulated instant, so that TensorBoard's "relative" axis is simulated time.
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
    """Columns in groups, as TensorBoard folds them: `bits/bits_up_1`."""
    group = next(
        (stem for stem in ("wire_bits", "bits", "energy", "path") if name.startswith(stem)), "learning"
    )
    return f"{group}/{name}"
