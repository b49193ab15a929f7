"""Results in the formats of other programs: tables, pictures, event timelines, training curves."""

from __future__ import annotations

from netsim.exports.csv_tables import write_sheets
from netsim.exports.figures import FORMATS, write_pictures
from netsim.exports.perfetto import write_events
from netsim.exports.tensorboard import write_scalars

__all__ = ["FORMATS", "write_events", "write_pictures", "write_scalars", "write_sheets"]
