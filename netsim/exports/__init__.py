"""Export of results to other formats: CSV tables, figures, Perfetto traces, TensorBoard logs."""

from __future__ import annotations

from netsim.exports.csv_tables import write_csv_tables
from netsim.exports.figures import FORMATS, write_figures
from netsim.exports.perfetto import write_perfetto_trace
from netsim.exports.tensorboard import write_tensorboard_log

__all__ = ["FORMATS", "write_csv_tables", "write_figures", "write_perfetto_trace", "write_tensorboard_log"]
