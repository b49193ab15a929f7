"""Results in the formats of other programs: tables, pictures, event timelines, training curves."""

from __future__ import annotations

from netsim.exports.csv_tables import write_csv_tables
from netsim.exports.figures import FORMATS, write_figures
from netsim.exports.perfetto import write_perfetto_trace
from netsim.exports.tensorboard import write_tensorboard_log

__all__ = ["FORMATS", "write_events", "write_pictures", "write_scalars", "write_sheets"]
