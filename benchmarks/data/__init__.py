"""What the data stages do to real pairs."""
