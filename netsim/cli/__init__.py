"""The command line: `netsim run`, `sweep`, `optimize`, `check`, `report` and others."""

from __future__ import annotations

from netsim.cli.entry_point import main

__all__ = ["main"]
