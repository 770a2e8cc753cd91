"""Crack segmentation as a library: typed functions over arrays, without DVC, Prefect or a command line."""
