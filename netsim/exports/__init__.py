"""Results in the formats of other programs: tables, pictures, event timelines, training curves."""

from __future__ import annotations

from netsim.exports.events import write_events
from netsim.exports.pictures import FORMATS, write_pictures
from netsim.exports.scalars import write_scalars
from netsim.exports.sheets import write_sheets

__all__ = ["FORMATS", "write_events", "write_pictures", "write_scalars", "write_sheets"]
