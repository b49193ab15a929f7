"""Devices: the duration of local work, its variation among devices and over time, and recorded speeds."""
