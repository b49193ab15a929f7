"""Aggregation rules: means, votes, robust rules and server optimizers."""
