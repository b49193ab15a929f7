"""Keyed random numbers: the Philox generator, and the draws that learning takes from it."""
