"""The pages of `docs/` that are made from the program itself: `make docs` writes them, a test holds them to it."""

from __future__ import annotations

from netsim.docgen.cli_page import commands_page
from netsim.docgen.yaml_page import scenarios_page

__all__ = ["PAGES", "commands_page", "scenarios_page"]

PAGES = {"cli.md": commands_page, "yaml.md": scenarios_page}
"""File name in `docs/` -> the function that makes its text."""
