"""Split pairs into train, valid and test by whole groups, and measure what a split leaks."""
