"""Pictures and words of finished runs; they read results and nothing else."""

from __future__ import annotations

from netsim.views.comparison import sweep_axes, write_comparison, write_several
from netsim.views.report import report_html, write_report
from netsim.views.terminal import closing_lines, rounds_table

__all__ = [
    "closing_lines",
    "report_html",
    "rounds_table",
    "sweep_axes",
    "write_comparison",
    "write_report",
    "write_several",
]
