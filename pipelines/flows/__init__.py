"""The Prefect flow over the stages, and what follows it: artifacts, the gate, the results branch."""

# By this name a server knows the flow; on a shared server other projects have flows of their own.
FLOW_NAME = "crackflow-rebuild"
