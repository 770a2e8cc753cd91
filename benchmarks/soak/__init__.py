"""Faults: what a rebuild survives, and which changes of the code the tests notice."""
