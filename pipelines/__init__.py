"""When things run: Prefect flows over the DVC graph, and the command line."""
