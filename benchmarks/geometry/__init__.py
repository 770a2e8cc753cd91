"""How true lengths and widths of cracks are."""
