"""Whom a parent waits for, and what late answers weigh."""
