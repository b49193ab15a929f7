"""Devices: how long local work takes, how devices differ, and recorded speeds."""
