"""Aggregation: rules that merge the updates of a node's children."""
