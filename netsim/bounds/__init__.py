"""Convergence bounds on a tree, costs of rounds, and the search over tau."""
