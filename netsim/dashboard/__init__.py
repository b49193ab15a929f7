"""The dashboard: a folder of results in a browser, and runs started from there. Needs the extra `dashboard`."""

from __future__ import annotations

from netsim.dashboard.address import Address, DashboardError

__all__ = ["Address", "DashboardError"]
