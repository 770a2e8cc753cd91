"""Copies and crops of one photograph, found by local features whatever their names are."""
