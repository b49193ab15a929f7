"""Barriers: when an aggregation starts, and the weights of late answers."""
