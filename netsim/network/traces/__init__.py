"""Recorded rates: file formats, trace sources and the links that follow them."""
