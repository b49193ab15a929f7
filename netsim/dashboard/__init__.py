"""The dashboard: a web application that shows a folder of results and starts runs. Needs the extra `dashboard`."""

from __future__ import annotations

from netsim.dashboard.address import Address, DashboardError

__all__ = ["Address", "DashboardError"]
