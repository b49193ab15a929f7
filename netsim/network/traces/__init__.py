"""Traces: readers of recorded rates, trace sources, and links that follow them."""
