"""Running DVC's stages: the graph, one process per stage, the run lock, repair after a kill."""
