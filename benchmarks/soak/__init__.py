"""Faults: what a rebuild survives."""
