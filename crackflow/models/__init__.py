"""Networks: how they are built, saved, compressed, and what a model has seen."""
