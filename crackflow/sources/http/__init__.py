"""Large files over HTTP: resumed after a break, retried, and checked when complete."""
