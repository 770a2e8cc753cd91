"""What a data set looks like, and which of its labels look wrong."""
