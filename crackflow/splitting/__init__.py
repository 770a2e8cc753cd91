"""Train, valid and test: which pairs belong together, which subset each group goes to, and what leaks."""
