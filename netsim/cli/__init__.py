"""The command line: `netsim run | check | list | init | report | export`."""

from __future__ import annotations

from netsim.cli.app import main

__all__ = ["main"]
