"""Figures of the crack class: scoring, counts and ratios, operating point search, confidence intervals, comparison."""
