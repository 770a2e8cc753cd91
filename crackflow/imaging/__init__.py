"""Pixels: read and write images and masks, bring them to one size, hash what they look like."""
