"""The stages of dvc.yaml, one module each: read declared inputs, call crackflow, write declared outputs."""
