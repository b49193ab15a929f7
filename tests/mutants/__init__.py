"""Slips to make on purpose, by room; `tests/mutations.py` makes them."""
