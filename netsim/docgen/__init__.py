"""Generation of the pages of `docs/` that describe the schema and the commands; `make docs` writes them."""

from __future__ import annotations

from netsim.docgen.cli_page import render_cli_page
from netsim.docgen.yaml_page import render_yaml_page

__all__ = ["PAGES", "commands_page", "scenarios_page"]

PAGES = {"cli.md": render_cli_page, "yaml.md": render_yaml_page}
"""Maps a file name in `docs/` to the function that returns its text."""
