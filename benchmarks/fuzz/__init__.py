"""Fuzzing: made and damaged files and options, of every kind that is read."""
