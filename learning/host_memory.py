"""The memory of this machine."""

from __future__ import annotations

import os
from pathlib import Path

CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
UNKNOWN = 64 * 2**30


def memory_bytes() -> int:
    """Return the memory that a process may use: the machine's or its container's limit; 64 GiB if neither is known."""
    try:
        limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        limit = UNKNOWN
    for file in CGROUPS:
        try:
            limit = min(limit, int(file.read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return limit
