"""Charts, overlays, contact sheets, and how templates of HTML are opened."""
