"""Partitions: which samples each device owns, and shifts of their distributions."""
