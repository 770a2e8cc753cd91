"""The Prefect flow over the stages, and what follows it: artifacts, the gate, the results branch."""
