"""Partitions: which samples each device owns, and shifts of the devices' distributions."""
