"""The folder that a command writes its results to: what of it is ours, and one run at a time."""
