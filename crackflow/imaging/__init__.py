"""Pixels: reading and writing pictures and masks, bringing them to one size, hashing what they look like."""
