"""Simulation: builds a run from a scenario, steps its event loop and assembles the result."""
