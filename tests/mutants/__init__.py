"""Tables of mutations by package; `tests/mutations.py` applies them."""
