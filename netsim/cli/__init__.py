"""The command line: `netsim run | check | list | init | report | export`."""

from __future__ import annotations

from netsim.cli.entry_point import main

__all__ = ["main"]
