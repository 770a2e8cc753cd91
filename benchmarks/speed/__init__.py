"""What things take, side by side in one run."""
