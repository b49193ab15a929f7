"""`python -m netsim.docgen docs`: write the generated pages into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from netsim.docgen import PAGES

if __name__ == "__main__":
    for name, page in PAGES.items():
        path = Path(*sys.argv[1:2]) / name
        path.write_text(page(), encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
