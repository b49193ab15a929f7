"""Pictures and words of finished runs; they read results and nothing else."""

from __future__ import annotations

from netsim.reports.comparison import (
    comparison_sections,
    read_points,
    sweep_axes,
    write_comparison,
    write_several,
)
from netsim.reports.run_report import report_html, report_sections, write_report
from netsim.reports.terminal import closing_lines, rounds_table

__all__ = [
    "closing_lines",
    "comparison_sections",
    "read_points",
    "report_html",
    "report_sections",
    "rounds_table",
    "sweep_axes",
    "write_comparison",
    "write_report",
    "write_several",
]
