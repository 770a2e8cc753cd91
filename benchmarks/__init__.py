"""What is measured, as programs: `python -m benchmarks.NAME`."""
