"""HTML reports and terminal summaries of finished runs, computed from their results."""

from __future__ import annotations

from netsim.reports.comparison import (
    comparison_sections,
    read_points,
    sweep_axes,
    write_comparison,
    write_several,
)
from netsim.reports.run_report import render_report, report_sections, write_report
from netsim.reports.terminal import rounds_table, summary_lines

__all__ = [
    "comparison_sections",
    "read_points",
    "render_report",
    "report_sections",
    "rounds_table",
    "summary_lines",
    "sweep_axes",
    "write_comparison",
    "write_report",
    "write_several",
]
