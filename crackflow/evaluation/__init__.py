"""Figures of the crack class: counts and ratios, thresholds, component filters, comparisons."""
