"""Stores: the ledger of computed values, checkpoints and caches."""
