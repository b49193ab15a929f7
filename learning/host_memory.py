"""What this machine has."""

from __future__ import annotations

import os
from pathlib import Path

CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
UNKNOWN = 64 * 2**30


def memory_bytes() -> int:
    """Memory that a process may use: the machine's, or its container's limit; 64 GiB where neither can be asked."""
    try:
        most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        most = UNKNOWN
    for file in CGROUPS:
        try:
            most = min(most, int(file.read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return most
